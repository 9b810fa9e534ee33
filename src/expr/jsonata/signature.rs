//! Signatures of functions: which types the arguments have, `<s-n?:s>`.

/// A set of the types that a signature's letters stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(pub(super) u8);

impl Types {
    pub(super) const STRING: Self = Self(1);
    pub(super) const NUMBER: Self = Self(2);
    pub(super) const BOOL: Self = Self(4);
    pub(super) const NULL: Self = Self(8);
    pub(super) const ARRAY: Self = Self(16);
    pub(super) const OBJECT: Self = Self(32);
    pub(super) const FUNCTION: Self = Self(64);
    /// An argument that is undefined; every letter takes it, too.
    pub(super) const MISSING: Self = Self(128);

    pub(super) fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) parameters: Box<[Parameter]>,
}

/// One parameter of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// What it takes.
    pub(super) types: Types,
    /// `a<n>`: what an array's elements must be.
    pub(super) elements: Option<Types>,
    /// `-`: the context item stands in when the argument is absent.
    pub(super) context: bool,
    /// `?`, and `-`
    pub(super) optional: bool,
    /// `+`: one or more arguments.
    pub(super) many: bool,
    /// It is an array and nothing else: what is no array is wrapped into one.
    pub(super) array: bool,
}

impl Types {
    /// The word for several of the first type, in messages.
    pub(super) fn plural(self) -> &'static str {
        let words = [
            (Self::STRING, "strings"),
            (Self::NUMBER, "numbers"),
            (Self::BOOL, "booleans"),
            (Self::ARRAY, "arrays"),
            (Self::OBJECT, "objects"),
            (Self::FUNCTION, "functions"),
        ];
        words.iter().find(|(types, _)| self.has(*types)).map_or("", |(_, word)| word)
    }
}

impl Parameter {
    /// Fewest and most arguments that it takes.
    fn counts(&self) -> (usize, usize) {
        match (self.optional || self.context, self.many) {
            (true, _) => (0, 1),
            (false, true) => (1, usize::MAX),
            (false, false) => (1, 1),
        }
    }
}

impl Signature {
    /// How many of the arguments of these types each parameter takes, each as many as it can;
    /// `None` when not all of them are taken.
    pub(super) fn assign(parameters: &[Parameter], arguments: &[Types]) -> Option<Vec<usize>> {
        let mut taken = Vec::with_capacity(parameters.len());
        assign_from(parameters, arguments, true, &mut taken).then_some(taken)
    }

    /// Index of the first argument that no assignment reaches.
    pub(super) fn mismatch(parameters: &[Parameter], arguments: &[Types]) -> usize {
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
    let (least, most) = parameter.counts();
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
