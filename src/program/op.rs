//! The instructions. The list stands once, in [`for_each_op`], and is expanded into the type
//! itself, the machine's dispatch, the disassembly and the tests.
//!
//! Registers of a frame: `raw` (state input), `cur` (working value), `scope` (variables).

use super::form::Sees;
use super::tables::{
    AssignIdx, ConditionIdx, FailIdx, ForkIdx, FormIdx, LettingIdx, LookupIdx, MapIdx, RuleIdx,
    StateIdx, TaskIdx, TemplateIdx, ValueIdx, WaitIdx, WalkIdx,
};

/// Index of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pc(pub u32);

/// Hands the list of instructions to the macro `$expand`: documentation, variant, handler,
/// mnemonic, operands.
#[macro_export]
macro_rules! for_each_op {
    ($expand:ident) => {
        $expand! {
            /// A state begins: its input goes to `raw` and `cur`, its event is counted.
            Enter enter "ENTER" (state: StateIdx),
            /// `cur` ← the path in `cur` (`InputPath`).
            Select select "SELECT" (path: LookupIdx),
            /// `cur` ← the template filled from `cur` (`Parameters`).
            Build build "BUILD" (template: TemplateIdx),
            /// Evaluates new values of variables from `cur`; they are visible once the state is left.
            Assign assign "ASSIGN" (assign: AssignIdx),
            /// `cur` ← the template filled from the result in `cur` (`ResultSelector`).
            Pick pick "PICK" (template: TemplateIdx),
            /// `cur` ← `raw` with `cur` put at the path (`ResultPath`).
            Merge merge "MERGE" (path: WalkIdx),
            /// `cur` ← the path in `cur` (`OutputPath`).
            Trim trim "TRIM" (path: LookupIdx),
            /// `cur` ← a constant.
            Const constant "CONST" (value: ValueIdx),
            /// `cur` ← `raw` (`ResultPath` null).
            Move keep_input "MOVE" (),
            /// Goes on at `target` if the rule matches over `cur`.
            Branch branch "BRANCH" (rule: RuleIdx, target: Pc),
            /// `cur` ← the form filled from `raw` and what else `$states` has (`Arguments`, `Output`).
            Eval eval "EVAL" (sees: Sees, form: FormIdx),
            /// Evaluates new values of variables as `EVAL` does; they are visible once the state is
            /// left.
            Let bind "LET" (sees: Sees, letting: LettingIdx),
            /// Goes on at `target` if the condition holds over `raw`.
            Test test "TEST" (condition: ConditionIdx, target: Pc),
            /// No rule matched and there is no default.
            Unmatched unmatched "UNMATCHED" (),
            /// Calls a task with `cur` and suspends; its result comes to `cur`.
            Call call "CALL" (task: TaskIdx),
            /// Suspends for a time that may be read from `cur`.
            Sleep sleep "SLEEP" (wait: WaitIdx),
            /// Runs the branches with `cur` and suspends; their results come to `cur`.
            Fork fork "FORK" (fork: ForkIdx),
            /// Runs an iteration for each item found in `cur` and suspends; their results come to
            /// `cur`.
            Map map "MAP" (map: MapIdx),
            /// The state ends with `cur` as its output; the next one begins at `target`.
            Jump jump "JUMP" (target: Pc),
            /// The state and its frame end with `cur` as their output.
            Halt halt "HALT" (),
            /// The frame fails as a Fail state says.
            Fail fail "FAIL" (fail: FailIdx),
        }
    };
}

pub use crate::for_each_op;

macro_rules! define_op {
    ($($(#[$doc:meta])* $variant:ident $handler:ident $mnemonic:literal ($($operand:ident: $type:ty),*),)*) => {
        /// An instruction: 8 bytes, operands index the program's tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Op {
            $($(#[$doc])* $variant($($type),*),)*
        }

        impl Op {
            /// The name in a listing.
            pub fn mnemonic(self) -> &'static str {
                match self { $(Self::$variant(..) => $mnemonic,)* }
            }
        }

        #[cfg(test)]
        pub(super) const MNEMONICS: &[&str] = &[$($mnemonic),*];
    };
}

for_each_op!(define_op);

const _: () = assert!(size_of::<Op>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemonics_are_distinct() {
        let mut names = MNEMONICS.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MNEMONICS.len());
    }
}
