//! What compiling expressions collects for the whole program: constants and variable names.

use std::collections::HashMap;

use crate::value::{ConstantsBuilder, TooLarge};

/// Number of a variable's name in its program; the slot that [`super::Roots::variables`] holds
/// its value in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableIdx(pub u16);

impl VariableIdx {
    /// The table index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Collects constants and the names of variables while a definition is compiled.
#[derive(Debug, Default)]
pub struct Bindings {
    /// Constants of the program.
    pub constants: ConstantsBuilder,
    variables: Vec<Box<str>>,
    numbers: HashMap<Box<str>, VariableIdx>,
}

impl Bindings {
    /// The number of the variable `name`, without its `$`; one number a name.
    ///
    /// # Errors
    /// [`TooLarge`] beyond 65,536 names.
    pub fn variable(&mut self, name: &str) -> Result<VariableIdx, TooLarge> {
        if let Some(&known) = self.numbers.get(name) {
            return Ok(known);
        }
        let number = VariableIdx(u16::try_from(self.variables.len()).map_err(|_| TooLarge)?);
        self.variables.push(name.into());
        self.numbers.insert(name.into(), number);
        Ok(number)
    }

    /// The number of the variable `name`, if it has one already.
    pub fn known(&self, name: &str) -> Option<VariableIdx> {
        self.numbers.get(name).copied()
    }

    /// The names, by number.
    pub fn variable_names(&self) -> &[Box<str>] {
        &self.variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number() {
        let mut bindings = Bindings::default();
        let [a, b, again] = ["a", "b", "a"].map(|name| bindings.variable(name).unwrap());
        assert_eq!((a, b, again), (VariableIdx(0), VariableIdx(1), a));
        assert_eq!(bindings.variable_names(), ["a".into(), "b".into()]);
    }

    #[test]
    fn names_are_limited() {
        let mut bindings = Bindings::default();
        for name in 0..=u16::MAX {
            bindings.variable(&name.to_string()).unwrap();
        }
        assert_eq!(bindings.variable("one more"), Err(TooLarge));
        assert!(bindings.variable("7").is_ok());
    }
}
