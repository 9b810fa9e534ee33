//! The 39 comparison operators of JSONPath Choice rules, in one table.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The kind of values an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `String…`: order of UTF-16 code units.
    String,
    /// `Numeric…`.
    Numeric,
    /// `Boolean…`.
    Boolean,
    /// `Timestamp…`: order of instants.
    Timestamp,
    /// `Is…`: what the value is, not how it compares.
    Type,
}

/// How the operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equals,
    /// Less than the operand.
    LessThan,
    /// Greater than the operand.
    GreaterThan,
    /// Less than or equal to the operand.
    LessThanEquals,
    /// Greater than or equal to the operand.
    GreaterThanEquals,
    /// Matches the operand as a pattern with `*`.
    Matches,
    /// The value is of this type, or it is not when the operand is `false`.
    Is(TypeTest),
}

/// What an `Is…` operator asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeTest {
    /// A boolean.
    Boolean,
    /// Null.
    Null,
    /// A number.
    Numeric,
    /// There at all, be it null.
    Present,
    /// A string.
    String,
    /// A string that is an RFC 3339 timestamp.
    Timestamp,
}

/// Writes the table once: the enum, its list and its properties come from the same lines.
macro_rules! operators {
    ($($name:ident $family:ident ($comparison:expr) $operand:ident;)*) => {
        /// A comparison operator, named as in ASL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // Each variant is the ASL name itself; the table below defines it.
        pub enum Operator { $($name),* }

        impl Operator {
            /// All operators, in the order of the language reference.
            pub const ALL: [Self; 39] = [$(Self::$name),*];

            /// Returns the name as written in a rule.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// Returns what kind of values it compares.
            pub fn family(self) -> Family {
                match self { $(Self::$name => Family::$family),* }
            }

            /// Returns how it compares.
            pub fn comparison(self) -> Comparison {
                match self { $(Self::$name => $comparison),* }
            }

            /// Tells whether the right operand is a path into the data.
            pub fn is_path(self) -> bool {
                match self { $(Self::$name => operators!(@is_path $operand)),* }
            }
        }
    };
    (@is_path literal) => { false };
    (@is_path path) => { true };
}

operators! {
    StringEquals String (Comparison::Equals) literal;
    StringEqualsPath String (Comparison::Equals) path;
    StringLessThan String (Comparison::LessThan) literal;
    StringLessThanPath String (Comparison::LessThan) path;
    StringGreaterThan String (Comparison::GreaterThan) literal;
    StringGreaterThanPath String (Comparison::GreaterThan) path;
    StringLessThanEquals String (Comparison::LessThanEquals) literal;
    StringLessThanEqualsPath String (Comparison::LessThanEquals) path;
    StringGreaterThanEquals String (Comparison::GreaterThanEquals) literal;
    StringGreaterThanEqualsPath String (Comparison::GreaterThanEquals) path;
    StringMatches String (Comparison::Matches) literal;
    NumericEquals Numeric (Comparison::Equals) literal;
    NumericEqualsPath Numeric (Comparison::Equals) path;
    NumericLessThan Numeric (Comparison::LessThan) literal;
    NumericLessThanPath Numeric (Comparison::LessThan) path;
    NumericGreaterThan Numeric (Comparison::GreaterThan) literal;
    NumericGreaterThanPath Numeric (Comparison::GreaterThan) path;
    NumericLessThanEquals Numeric (Comparison::LessThanEquals) literal;
    NumericLessThanEqualsPath Numeric (Comparison::LessThanEquals) path;
    NumericGreaterThanEquals Numeric (Comparison::GreaterThanEquals) literal;
    NumericGreaterThanEqualsPath Numeric (Comparison::GreaterThanEquals) path;
    BooleanEquals Boolean (Comparison::Equals) literal;
    BooleanEqualsPath Boolean (Comparison::Equals) path;
    TimestampEquals Timestamp (Comparison::Equals) literal;
    TimestampEqualsPath Timestamp (Comparison::Equals) path;
    TimestampLessThan Timestamp (Comparison::LessThan) literal;
    TimestampLessThanPath Timestamp (Comparison::LessThan) path;
    TimestampGreaterThan Timestamp (Comparison::GreaterThan) literal;
    TimestampGreaterThanPath Timestamp (Comparison::GreaterThan) path;
    TimestampLessThanEquals Timestamp (Comparison::LessThanEquals) literal;
    TimestampLessThanEqualsPath Timestamp (Comparison::LessThanEquals) path;
    TimestampGreaterThanEquals Timestamp (Comparison::GreaterThanEquals) literal;
    TimestampGreaterThanEqualsPath Timestamp (Comparison::GreaterThanEquals) path;
    IsNull Type (Comparison::Is(TypeTest::Null)) literal;
    IsPresent Type (Comparison::Is(TypeTest::Present)) literal;
    IsNumeric Type (Comparison::Is(TypeTest::Numeric)) literal;
    IsString Type (Comparison::Is(TypeTest::String)) literal;
    IsBoolean Type (Comparison::Is(TypeTest::Boolean)) literal;
    IsTimestamp Type (Comparison::Is(TypeTest::Timestamp)) literal;
}

impl Operator {
    /// Finds an operator by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        static BY_NAME: LazyLock<HashMap<&str, Operator>> =
            LazyLock::new(|| Operator::ALL.into_iter().map(|op| (op.name(), op)).collect());
        BY_NAME.get(name).copied()
    }
}

/// Lists field names in the order in which AWS lists them in its messages.
///
/// AWS: the order is that of a Java `HashSet` made from a list; names that share a bucket keep
/// their order here, since no recording tells in which order AWS inserts them.
pub(super) fn java_set_order(names: &[&str]) -> String {
    let capacity = (names.len() * 4 / 3 + 1).max(16).next_power_of_two();
    let mut names = names.to_vec();
    names.sort_by_key(|name| java_bucket(name, capacity as u32));
    names.join(", ")
}

/// Bucket of a string in Java's `HashMap` of a given capacity, a power of two.
fn java_bucket(text: &str, capacity: u32) -> u32 {
    let hash = text
        .encode_utf16()
        .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    (hash ^ (hash >> 16)) & (capacity - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_family_comparison_and_operand() {
        for operator in Operator::ALL {
            let name = operator.name();
            assert_eq!(Operator::from_name(name), Some(operator));
            assert_eq!(operator.is_path(), name.ends_with("Path"), "{name}");
            let family = format!("{:?}", operator.family());
            let stem = name.trim_end_matches("Path");
            match operator.comparison() {
                Comparison::Is(test) => assert_eq!(stem, format!("Is{test:?}")),
                other => assert_eq!(stem, format!("{family}{other:?}")),
            }
        }
        assert_eq!(Operator::from_name("stringEquals"), None);
    }

    #[test]
    fn names_are_listed_in_the_order_of_a_java_set() {
        // Both orders as recorded.
        let wait = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
        assert_eq!(java_set_order(&wait), "SecondsPath, Seconds, TimestampPath, Timestamp");
        assert_eq!(java_set_order(&["End", "Next"]), "Next, End");
        let operators = java_set_order(&Operator::ALL.map(Operator::name));
        assert!(operators.starts_with("StringEquals, IsBoolean, StringLessThan, IsNumeric, "));
    }
}
