//! Arguments against signatures: which parameter takes which, and what is made of them.

use super::super::item::{Extent, Flags, Item, Kind};
use super::super::signature::{Parameter, Types};
use super::super::{Code, Thrown, cast};
use super::Evaluator;

impl Evaluator<'_> {
    /// Makes the arguments on the stack what a signature wants: the context item for an absent
    /// one, an array around what is none.
    pub(super) fn validate(
        &mut self,
        parameters: &[Parameter],
        base: usize,
        input: Item,
    ) -> Result<(), Thrown> {
        if self.fits(parameters, base)? {
            return Ok(());
        }
        let types: Vec<Types> =
            self.scratch.stack[base..].iter().map(|item| self.type_of(*item)).collect();
        let Some(taken) = assign(parameters, &types) else {
            let index = mismatch(parameters, &types) + 1;
            return Err(Thrown::new(Code::T0410).with("index", index.to_string()));
        };
        let given = self.scratch.settle(base);
        let mut next = given.range();
        for (parameter, count) in parameters.iter().zip(taken) {
            if count == 0 {
                let item = self.absent(parameter, input, &mut next, given)?;
                self.scratch.stack.push(item);
                continue;
            }
            for index in next.by_ref().take(count) {
                let item = self.scratch.slots[index];
                let number = index - given.offset as usize + 1;
                let item = self.as_parameter(parameter, item, number)?;
                self.scratch.stack.push(item);
            }
        }
        Ok(())
    }

    /// The usual case: arguments that their parameters take as they are, absent ones left out.
    #[inline]
    fn fits(&mut self, parameters: &[Parameter], base: usize) -> Result<bool, Thrown> {
        let count = self.scratch.stack.len() - base;
        let absent = parameters.get(count..).unwrap_or_default();
        if count > parameters.len() || absent.iter().any(|one| !one.optional || one.context) {
            return Ok(false);
        }
        for (index, parameter) in parameters[..count].iter().enumerate() {
            let item = self.scratch.stack[base + index];
            let found = self.type_of(item);
            if !parameter.types.has(found) || parameter.many {
                return Ok(false);
            }
            if parameter.array && found != Types::MISSING {
                let fits = found == Types::ARRAY
                    && match parameter.elements {
                        Some(elements) => self.all_of_one_type(item, elements)?,
                        None => true,
                    };
                if !fits {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn absent(
        &mut self,
        parameter: &Parameter,
        input: Item,
        next: &mut std::ops::Range<usize>,
        given: Extent,
    ) -> Result<Item, Thrown> {
        if !parameter.context {
            return Ok(next.next().map_or(Item::UNDEFINED, |index| self.scratch.slots[index]));
        }
        let input = if input.flags().has(Flags::OUTER) { self.element(input, 0) } else { input };
        if parameter.types.has(self.type_of(input)) {
            return Ok(input);
        }
        let number = next.start - given.offset as usize + 1;
        Err(Thrown::new(Code::T0411).with("index", number.to_string()))
    }

    /// An argument as its parameter wants it.
    fn as_parameter(
        &mut self,
        parameter: &Parameter,
        item: Item,
        number: usize,
    ) -> Result<Item, Thrown> {
        if !parameter.array || item.is_undefined() {
            return Ok(item);
        }
        let is_array = self.is_array(item);
        let fits = match parameter.elements {
            None => true,
            Some(elements) if is_array => self.all_of_one_type(item, elements)?,
            Some(elements) => elements.has(self.type_of(item)),
        };
        if !fits {
            let plural = parameter.elements.map_or("", plural);
            return Err(Thrown::new(Code::T0412)
                .with("index", number.to_string())
                .with("type", cast::quoted(plural)));
        }
        Ok(if is_array { item } else { self.as_array(item) })
    }

    /// Whether all elements are of the first one's type, and that is one of `types`.
    fn all_of_one_type(&mut self, array: Item, types: Types) -> Result<bool, Thrown> {
        if let Kind::Range { .. } = array.kind() {
            return Ok(types.has(Types::NUMBER));
        }
        let len = self.len(array);
        self.step_fuel(len / 8)?;
        let fits = |item: Item| {
            let found = self.type_of(item);
            types.has(found) && found != Types::MISSING
        };
        Ok(match array.kind() {
            Kind::Value(value) => self.heap.elements(value).all(|element| fits(element.into())),
            Kind::Array(at) => self.scratch.slots[at.range()].iter().all(|item| fits(*item)),
            _ => true,
        })
    }
}

/// The word for several of a type, in messages.
fn plural(types: Types) -> &'static str {
    let words = [
        (Types::STRING, "strings"),
        (Types::NUMBER, "numbers"),
        (Types::BOOL, "booleans"),
        (Types::ARRAY, "arrays"),
        (Types::OBJECT, "objects"),
        (Types::FUNCTION, "functions"),
    ];
    words.iter().find(|(one, _)| types.has(*one)).map_or("", |(_, word)| word)
}

/// Fewest and most arguments that a parameter takes.
fn counts(parameter: &Parameter) -> (usize, usize) {
    match (parameter.optional || parameter.context, parameter.many) {
        (true, _) => (0, 1),
        (false, true) => (1, usize::MAX),
        (false, false) => (1, 1),
    }
}

/// How many of the arguments of these types each parameter takes, each as many as it can; `None`
/// when not all of them are taken.
fn assign(parameters: &[Parameter], arguments: &[Types]) -> Option<Vec<usize>> {
    let mut taken = Vec::with_capacity(parameters.len());
    assign_from(parameters, arguments, true, &mut taken).then_some(taken)
}

/// Index of the first argument that no assignment reaches.
fn mismatch(parameters: &[Parameter], arguments: &[Types]) -> usize {
    let mut reached = 0;
    for count in 1..=parameters.len() {
        let mut taken = Vec::new();
        if !assign_from(&parameters[..count], arguments, false, &mut taken) {
            return reached;
        }
        reached = taken.iter().sum();
    }
    reached
}

/// Greedy, and going back where that leads nowhere, as the reference's regular expression does.
/// Parameters are at most a few, so recursion is short.
fn assign_from(
    parameters: &[Parameter],
    arguments: &[Types],
    all: bool,
    taken: &mut Vec<usize>,
) -> bool {
    let Some((parameter, rest)) = parameters.split_first() else {
        return !all || arguments.is_empty();
    };
    let (least, most) = counts(parameter);
    let fitting = arguments.iter().take(most).take_while(|found| parameter.types.has(**found));
    let fitting = fitting.count();
    let depth = taken.len();
    for count in (least..=fitting).rev() {
        taken.push(count);
        if assign_from(rest, &arguments[count..], all, taken) {
            return true;
        }
        taken.truncate(depth);
    }
    false
}
