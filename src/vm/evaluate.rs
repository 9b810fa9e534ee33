//! JSONata in states: what an expression sees, how a field is filled, and what a failure becomes.
//!
//! Nothing is copied for an evaluation: `$states` is made of the frame's registers. What the
//! expression gives is a value like any other. Texts of failures as recorded on AWS.

use super::Raised;
use super::execution::Execution;
use super::frame::{Frame, FrameId};
use super::machine::{Flow, Machine, Outcome};
use crate::expr::Fault;
use crate::expr::jsonata::{Code, Failure, Scope, Setting};
use crate::program::{
    Condition, ConditionIdx, Expression, ExpressionIdx, Form, FormIdx, LettingIdx, Pc, Program,
    Sees, Shape,
};
use crate::value::{ArenaId, TooLarge, Value, View};

/// Whose data is read, and where values go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    /// The running frame's.
    Running,
    /// A parked parent's, for a child that is about to begin.
    Parent {
        id: FrameId,
        /// The child's.
        arena: ArenaId,
        /// `$states.context`, with the child's item.
        context: Value,
    },
}

/// What a whole number stands for, and so what it may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    /// Anything that can be counted.
    Count,
    /// A span of time.
    Seconds,
}

/// Why a field is not filled.
enum Unfilled {
    Failed(ExpressionIdx, Failure),
    TooLarge,
}

impl From<TooLarge> for Unfilled {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl Machine<'_, '_> {
    #[inline]
    pub(super) fn eval(&mut self, program: &Program, sees: Sees, form: FormIdx) -> Outcome {
        let form = &program.forms[form.index()];
        let filled = self.fill(program, &form.shape, Whose::Running, sees)?;
        Ok(self.continue_with(filled))
    }

    /// Evaluates all new values with the variables as on entry; none is visible yet.
    pub(super) fn bind(&mut self, program: &Program, sees: Sees, letting: LettingIdx) -> Outcome {
        let mut bytes = 0;
        for (variable, shape) in &program.lettings[letting.index()].0 {
            let value = self.fill(program, shape, Whose::Running, sees)?;
            bytes += value.json_len();
            self.execution.frame.staged.push((*variable, value));
        }
        self.check_variables(program, bytes)?;
        Ok(Flow::Next)
    }

    #[inline]
    pub(super) fn test(
        &mut self,
        program: &Program,
        condition: ConditionIdx,
        target: Pc,
    ) -> Outcome {
        let holds = match program.conditions[condition.index()] {
            Condition::Literal(holds) => holds,
            Condition::Expression(index) => {
                let value = self.evaluate(program, index, Whose::Running, Sees::Input)?;
                match self.execution.heap.view(value) {
                    View::Bool(holds) => holds,
                    _ => {
                        return Err(self.wrong_type(
                            program,
                            index,
                            Whose::Running,
                            "boolean",
                            value,
                        ));
                    }
                }
            }
        };
        Ok(if holds { Flow::Goto(target) } else { Flow::Next })
    }

    /// Fills a form over the data of the running frame or of a parent; that sees only its input.
    pub(super) fn fill_form(
        &mut self,
        program: &Program,
        form: &Form,
        whose: Whose,
    ) -> Result<Value, Raised> {
        self.fill(program, &form.shape, whose, Sees::Input)
    }

    /// A text; nothing else is taken for one.
    pub(super) fn text_of(
        &mut self,
        program: &Program,
        index: ExpressionIdx,
    ) -> Result<String, Raised> {
        let value = self.evaluate(program, index, Whose::Running, Sees::Input)?;
        if let View::Str(text) = self.execution.heap.view(value) {
            return Ok(text.to_owned());
        }
        Err(self.wrong_type(program, index, Whose::Running, "string", value))
    }

    /// A number.
    pub(super) fn number_of(
        &mut self,
        program: &Program,
        index: ExpressionIdx,
        whose: Whose,
    ) -> Result<(f64, Value), Raised> {
        let value = self.evaluate(program, index, whose, Sees::Input)?;
        match self.execution.heap.view(value) {
            View::Int(number) => Ok((number as f64, value)),
            View::Float(number) => Ok((number, value)),
            _ => Err(self.wrong_type(program, index, whose, "number", value)),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn whole_of(
        &mut self,
        program: &Program,
        index: ExpressionIdx,
        whose: Whose,
        whole: Whole,
    ) -> Result<u64, Raised> {
        let (number, value) = self.number_of(program, index, whose)?;
        let field = last_name(&program.expression(index).field);
        let shown = || self.json_of(value);
        let complaint = match whole {
            _ if number.fract() != 0.0 => {
                format!("The {field} field cannot be parsed as an integer: {}", shown())
            }
            Whole::Seconds if !(0.0..=SECONDS_MAX).contains(&number) => {
                format!("{field} must be between 0 and {SECONDS_MAX} but was: {}", shown())
            }
            Whole::Count if number < 0.0 => format!("{field} cannot be negative."),
            // A cast saturates.
            Whole::Count | Whole::Seconds => return Ok(number as u64),
        };
        Err(self.unfit(program, index, whose, &complaint))
    }

    /// Evaluates one expression.
    #[inline]
    pub(super) fn evaluate(
        &mut self,
        program: &Program,
        index: ExpressionIdx,
        whose: Whose,
        sees: Sees,
    ) -> Result<Value, Raised> {
        let mut setting = self.setting(whose, sees);
        let value = program.expression(index).code.evaluate(&mut setting);
        self.pay();
        value.map_err(|failure| self.failed(program, whose, Unfilled::Failed(index, failure)))
    }

    #[inline]
    fn fill(
        &mut self,
        program: &Program,
        shape: &Shape,
        whose: Whose,
        sees: Sees,
    ) -> Result<Value, Raised> {
        let filled = fill(shape, &program.expressions, &mut self.setting(whose, sees));
        self.pay();
        filled.map_err(|unfilled| self.failed(program, whose, unfilled))
    }

    /// Takes what an evaluation cost out of the turn's fuel: others wait, too.
    #[inline]
    fn pay(&mut self) {
        let cost = self.turn.scratch.take_steps() / STEPS_PER_FUEL;
        self.turn.spend(cost);
    }

    #[inline]
    fn setting(&mut self, whose: Whose, sees: Sees) -> Setting<'_> {
        let Execution { heap, frame, frames, .. } = &mut *self.execution;
        let (frame, arena, context) = match whose {
            Whose::Running => (&*frame, frame.arena, frame.context),
            Whose::Parent { id, arena, context } => (&frames[id.index()], arena, context),
        };
        let (result, error_output) = match sees {
            Sees::Input => (None, None),
            Sees::Result => (Some(frame.cur), None),
            Sees::Error => (None, Some(frame.cur)),
        };
        Setting {
            heap,
            arena,
            scope: Scope {
                input: Some(frame.raw),
                result,
                error_output,
                context: Some(context),
                variables: &frame.variables,
            },
            parser: self.turn.parser,
            entropy: self.turn.entropy,
            scratch: self.turn.scratch,
            wall_ms: self.turn.now.wall_ms,
        }
    }

    pub(super) fn frame_of(&self, whose: Whose) -> &Frame {
        match whose {
            Whose::Running => &self.execution.frame,
            Whose::Parent { id, .. } => &self.execution.frames[id.index()],
        }
    }

    /// A `States.Runtime` of whoever's data is read.
    #[cold]
    pub(super) fn fault_of(&self, program: &Program, whose: Whose, fault: &Fault) -> Raised {
        let frame = self.frame_of(whose);
        Raised::runtime(&program.states[frame.state.index()].name, frame.entered_event, fault)
    }

    #[cold]
    fn failed(&self, program: &Program, whose: Whose, unfilled: Unfilled) -> Raised {
        let (index, failure) = match unfilled {
            Unfilled::Failed(index, failure) => (index, failure),
            Unfilled::TooLarge => return self.fault_of(program, whose, &Fault::from(TooLarge)),
        };
        let complaint = match failure {
            Failure::Undefined => "returned nothing (undefined).".to_owned(),
            Failure::Unsupported => "returned an unsupported result type.".to_owned(),
            // AWS adds an identifier of its own.
            Failure::Thrown(thrown) if thrown.code() == Code::Internal => {
                "threw an internal error during evaluation.".to_owned()
            }
            // AWS: a bound, which has no code, follows a colon, a code follows a full stop.
            Failure::Thrown(thrown) if thrown.is_bound() => {
                format!("threw an error during evaluation: {thrown}")
            }
            Failure::Thrown(thrown) => format!("threw an error during evaluation. {thrown}"),
        };
        self.blamed(program, index, whose, &complaint)
    }

    /// An expression that gave a value of another type than its field takes.
    #[cold]
    pub(super) fn wrong_type(
        &self,
        program: &Program,
        index: ExpressionIdx,
        whose: Whose,
        expected: &str,
        value: Value,
    ) -> Raised {
        let found = match self.execution.heap.view(value) {
            View::Null => "null",
            View::Bool(_) => "boolean",
            View::Int(_) | View::Float(_) => "number",
            View::Str(_) => "string",
            View::Array => "array",
            View::Object => "object",
        };
        let json = self.json_of(value);
        let complaint = format!(
            "returned an unexpected result type. Expected '{expected}', but was '{found}' for value: {json}"
        );
        self.blamed(program, index, whose, &complaint)
    }

    /// A failure that the expression itself is to blame for.
    fn blamed(
        &self,
        program: &Program,
        index: ExpressionIdx,
        whose: Whose,
        complaint: &str,
    ) -> Raised {
        let Expression { code, field } = program.expression(index);
        let complaint = format!(
            "The JSONata expression '{}' specified for the field '{field}' {complaint}",
            code.text
        );
        self.unfit(program, index, whose, &complaint)
    }

    /// A value of an expression that its field cannot take.
    #[cold]
    pub(super) fn unfit(
        &self,
        program: &Program,
        index: ExpressionIdx,
        whose: Whose,
        complaint: &str,
    ) -> Raised {
        let frame = self.frame_of(whose);
        let state = &program.states[frame.state.index()].name;
        Raised::query(state, frame.entered_event, complaint, Some(&program.expression(index).field))
    }

    pub(super) fn json_of(&self, value: Value) -> String {
        self.execution.heap.to_json_text(value)
    }
}

/// Fills a value with holes. Nesting is bounded by the definition's own.
fn fill(
    shape: &Shape,
    expressions: &[Expression],
    setting: &mut Setting<'_>,
) -> Result<Value, Unfilled> {
    match shape {
        Shape::Constant(value) => Ok(*value),
        Shape::Expression(index) => expressions[index.index()]
            .code
            .evaluate(setting)
            .map_err(|failure| Unfilled::Failed(*index, failure)),
        Shape::Object(entries) => {
            let open = setting.heap.open(setting.arena, 2 * entries.len())?;
            for (entry, (key, member)) in entries.iter().enumerate() {
                let value = fill(member, expressions, setting)?;
                setting.heap.set(open, 2 * entry, *key);
                setting.heap.set(open, 2 * entry + 1, value);
            }
            Ok(setting.heap.close_object(open)?)
        }
        Shape::Array(elements) => {
            let open = setting.heap.open(setting.arena, elements.len())?;
            for (slot, element) in elements.iter().enumerate() {
                let value = fill(element, expressions, setting)?;
                setting.heap.set(open, slot, value);
            }
            Ok(setting.heap.close_array(open)?)
        }
    }
}

/// The field's own name, without those of the fields around it.
fn last_name(field: &str) -> &str {
    field.rsplit('/').next().unwrap_or(field)
}

/// AWS's longest span in whole seconds that a field may hold.
const SECONDS_MAX: f64 = 99_999_999.0;
/// Steps of an evaluation that cost as much as an instruction.
const STEPS_PER_FUEL: usize = 8;
