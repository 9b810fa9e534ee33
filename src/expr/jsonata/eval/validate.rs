//! Arguments against signatures: which parameter takes which, and what is made of them.

use super::super::item::{Extent, Flags, Item, Kind};
use super::super::signature::{PARAMETERS_MAX, Parameter, Types};
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
        let arguments = self.scratch.stack.len() - base;
        self.step_fuel(parameters.len() * (arguments + 1) / 8)?;
        let types: Vec<Types> =
            self.scratch.stack[base..].iter().map(|item| self.type_of(*item)).collect();
        let Some(taken) = assign(parameters, &types, true) else {
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

/// How many of the arguments of these types each parameter takes: as many as it can, going back
/// where that leads nowhere, as the reference's regular expression does. With `all`, no argument
/// may be left over.
fn assign(parameters: &[Parameter], arguments: &[Types], all: bool) -> Option<Vec<usize>> {
    let ways = ways(parameters, arguments, all);
    let mut taken = Vec::with_capacity(parameters.len());
    let mut from = 0;
    if ways[from] & 1 == 0 {
        return None;
    }
    for (index, parameter) in parameters.iter().enumerate() {
        let (least, most) = counts(parameter);
        let fitting = arguments[from..].iter().take(most);
        let fitting = fitting.take_while(|found| parameter.types.has(**found)).count();
        let leads_on = |count: &usize| ways[from + count] & (2 << index) != 0;
        let count = (least..=fitting).rev().find(leads_on)?;
        taken.push(count);
        from += count;
    }
    Some(taken)
}

/// For each argument, and for the end of them, from which parameters on it can be assigned: a bit
/// for each parameter, and one for their end. Going back without this is exponential.
fn ways(parameters: &[Parameter], arguments: &[Types], all: bool) -> Vec<u128> {
    let end = 1 << parameters.len();
    let mut ways = vec![if all { 0 } else { end }; arguments.len() + 1];
    ways[arguments.len()] = end;
    for (index, parameter) in parameters.iter().enumerate().rev() {
        let (least, most) = counts(parameter);
        let (here, next) = (1 << index, 2 << index);
        // Whether it can take one argument or more from here.
        let mut takes = false;
        for from in (0..=arguments.len()).rev() {
            let fits = arguments.get(from).is_some_and(|found| parameter.types.has(*found));
            takes = fits && (ways[from + 1] & next != 0 || (takes && most > 1));
            if takes || (least == 0 && ways[from] & next != 0) {
                ways[from] |= here;
            }
        }
    }
    ways
}

/// Index of the first argument that no assignment reaches.
fn mismatch(parameters: &[Parameter], arguments: &[Types]) -> usize {
    // The more parameters, the fewer ways: searched by halves for the most that can be assigned.
    let (mut reached, mut assigned, mut failing) = (0, 0, parameters.len() + 1);
    while failing - assigned > 1 {
        let middle = assigned.midpoint(failing);
        match assign(&parameters[..middle], arguments, false) {
            Some(taken) => (reached, assigned) = (taken.iter().sum(), middle),
            None => failing = middle,
        }
    }
    reached
}

/// A bit for each parameter and one for their end.
const _: () = assert!(PARAMETERS_MAX < u128::BITS as usize);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::signature::Signature;
    use super::*;

    /// What [`assign`] is short for.
    fn assign_by_trying(
        parameters: &[Parameter],
        arguments: &[Types],
        all: bool,
    ) -> Option<Vec<usize>> {
        let Some((parameter, rest)) = parameters.split_first() else {
            return (!all || arguments.is_empty()).then(Vec::new);
        };
        let (least, most) = counts(parameter);
        let fitting = arguments.iter().take(most);
        let fitting = fitting.take_while(|found| parameter.types.has(**found)).count();
        (least..=fitting).rev().find_map(|count| {
            let mut taken = assign_by_trying(rest, &arguments[count..], all)?;
            taken.insert(0, count);
            Some(taken)
        })
    }

    fn mismatch_by_trying(parameters: &[Parameter], arguments: &[Types]) -> usize {
        let assigned = (0..=parameters.len())
            .map_while(|count| assign_by_trying(&parameters[..count], arguments, false));
        assigned.last().map_or(0, |taken| taken.iter().sum())
    }

    proptest! {
        #[test]
        fn assignments_are_those_found_by_trying(
            signature in "([snxaf][-?+]?){0,6}",
            arguments in prop::collection::vec(0_u32..8, 0..8),
            all: bool,
        ) {
            let parameters = Signature::parse(&signature).unwrap().parameters;
            let arguments: Vec<_> = arguments.iter().map(|bit| Types(1 << bit)).collect();
            prop_assert_eq!(
                assign(&parameters, &arguments, all),
                assign_by_trying(&parameters, &arguments, all)
            );
            prop_assert_eq!(
                mismatch(&parameters, &arguments),
                mismatch_by_trying(&parameters, &arguments)
            );
        }
    }
}
