//! A Choice state: a jump for each rule, and a way out of the state behind each jump.

use crate::asl::model::{Choice, ChoiceRule, Rule};
use crate::asl::source::Span;
use crate::program::{Op, Pc, RuleIdx, Sees, StateKind};

use super::emit::{Emitted, Emitter, Slots};
use super::form::Around;
use super::{Error, rules};

impl Emitter<'_> {
    /// Each rule branches to a stub of its own behind the rules; a stub leaves the state.
    pub(super) fn choice(
        &mut self,
        choice: &Choice,
        span: Span,
        slots: &Slots,
    ) -> Result<Emitted, Error> {
        self.input_path(&choice.input_path)?;
        let mut branches = Vec::with_capacity(choice.choices.len());
        for (index, rule) in choice.choices.iter().enumerate() {
            branches.push(self.ops.len());
            self.rule(rule, index)?;
        }
        match &choice.default {
            Some(default) => {
                let around = Around::state(Sees::Input);
                self.assign(choice.assign.as_ref(), around)?;
                self.output_path(&choice.output_path)?;
                self.output(choice.output.as_ref(), around)?;
                self.jump(default, slots);
            }
            None => self.emit(Op::Unmatched(), span),
        }
        for ((index, rule), at) in choice.choices.iter().enumerate().zip(branches) {
            let stub = Pc(self.ops.len() as u32);
            if let Op::Branch(_, target) | Op::Test(_, target) = &mut self.ops[at] {
                *target = stub;
            }
            let prefix = format!("Choices[{index}]/");
            let around = Around { prefix: &prefix, sees: Sees::Input };
            self.assign(rule.assign.as_ref(), around)?;
            self.output_path(&choice.output_path)?;
            self.output(rule.output.as_ref(), around)?;
            self.jump(&rule.next, slots);
        }
        Ok(StateKind::Choice.into())
    }

    /// A jump that is taken when the rule holds; its target is still to be set.
    fn rule(&mut self, rule: &ChoiceRule, index: usize) -> Result<(), Error> {
        if let Rule::Condition(condition) = &rule.rule {
            return self.condition(condition, index, rule.span);
        }
        let compiled = rules::compile(&rule.rule, &mut self.bindings)?;
        self.reads_context |= compiled.reads_context();
        let index = u16::try_from(self.rules.len()).map_err(|_| Error::TooManyRules)?;
        self.rules.push(compiled);
        self.emit(Op::Branch(RuleIdx(index), Pc(0)), rule.span);
        Ok(())
    }
}
