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
