//! The built-in functions: their names, signatures and code, in one table.
//!
//! Signatures are those of the language's documentation and, for AWS's own functions, of the
//! developer guide ("transforming-data"). A function gets its arguments as its signature made
//! them: of the right types, or undefined.

mod arrays;
mod aws;
mod higher;
mod matching;
mod numbers;
mod objects;
mod texts;
mod times;

pub(super) use matching::byte_of_utf16;

use super::eval::{Arguments, Evaluator};
use super::item::Item;
use super::signature::{Parameter, Types};
use super::{Dialect, Thrown};

/// What a function comes to.
pub(super) type Outcome = Result<Item, Thrown>;

/// A built-in function.
pub(super) struct Native {
    pub(super) name: &'static str,
    pub(super) function: fn(&mut Evaluator<'_>, Arguments) -> Outcome,
    pub(super) parameters: &'static [Parameter],
    /// Arguments that it takes when a higher-order function calls it.
    pub(super) arity: usize,
    /// The dialect that alone has it; `None`: both do.
    dialect: Option<Dialect>,
}

/// The number of the function `name` in a dialect.
pub(super) fn find(name: &str, dialect: Dialect) -> Option<u16> {
    let index = TABLE.binary_search_by(|native| native.name.cmp(name)).ok()?;
    TABLE[index].dialect.is_none_or(|only| only == dialect).then_some(index as u16)
}

/// The names of a dialect's functions.
pub(super) fn names(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let known = move |native: &&Native| native.dialect.is_none_or(|only| only == dialect);
    TABLE.iter().filter(known).map(|native| native.name)
}

/// All functions, by number.
pub(super) fn table() -> &'static [Native] {
    TABLE
}

const ANY: Types = Types(0xff);
const STRING: Types = Types(Types::STRING.0 | Types::MISSING.0);
const NUMBER: Types = Types(Types::NUMBER.0 | Types::MISSING.0);
const BOOL: Types = Types(Types::BOOL.0 | Types::MISSING.0);
const OBJECT: Types = Types(Types::OBJECT.0 | Types::MISSING.0);
/// `j`: anything but a function.
const JSON: Types = Types(!Types::FUNCTION.0);
/// `(nsb)`
const CASTABLE: Types = Types(Types::NUMBER.0 | Types::STRING.0 | Types::BOOL.0 | Types::MISSING.0);
/// `(sf)`
const PATTERN: Types = Types(Types::STRING.0 | Types::FUNCTION.0 | Types::MISSING.0);

const fn one(types: Types) -> Parameter {
    Parameter { types, elements: None, context: false, optional: false, many: false, array: false }
}

/// `-`: the context item stands in.
const fn context(types: Types) -> Parameter {
    Parameter { context: true, optional: true, ..one(types) }
}

/// `?`
const fn optional(types: Types) -> Parameter {
    Parameter { optional: true, ..one(types) }
}

const ARRAY: Parameter = Parameter { array: true, ..one(ANY) };

const fn array_of(types: Types) -> Parameter {
    Parameter { elements: Some(types), ..ARRAY }
}

const FUNCTION: Parameter = one(Types::FUNCTION);

macro_rules! natives {
    ($($name:literal $function:path, $arity:literal, $dialect:expr, [$($parameter:expr),*];)*) => {
        /// Sorted by name.
        static TABLE: &[Native] = &[$(Native {
            name: $name,
            function: $function,
            parameters: const { &[$($parameter),*] },
            arity: $arity,
            dialect: $dialect,
        }),*];
    };
}

const AWS: Option<Dialect> = Some(Dialect::Aws);

natives! {
    "abs" numbers::abs, 1, None, [context(NUMBER)];
    "append" arrays::append, 2, None, [one(ANY), one(ANY)];
    "assert" objects::assert, 2, None, [one(BOOL), optional(STRING)];
    "average" numbers::average, 1, None, [array_of(Types::NUMBER)];
    "base64decode" texts::base64_decode, 1, None, [context(STRING)];
    "base64encode" texts::base64_encode, 1, None, [context(STRING)];
    "boolean" objects::boolean, 1, None, [context(ANY)];
    "ceil" numbers::ceil, 1, None, [context(NUMBER)];
    "clone" objects::clone, 1, None, [context(Types(Types::OBJECT.0 | Types::ARRAY.0 | Types::MISSING.0))];
    "contains" matching::contains, 2, None, [context(STRING), one(PATTERN)];
    "count" arrays::count, 1, None, [ARRAY];
    "decodeUrl" texts::decode_url, 1, None, [context(STRING)];
    "decodeUrlComponent" texts::decode_url_component, 1, None, [context(STRING)];
    "distinct" arrays::distinct, 1, None, [one(ANY)];
    "each" higher::each, 2, None, [context(OBJECT), FUNCTION];
    "encodeUrl" texts::encode_url, 1, None, [context(STRING)];
    "encodeUrlComponent" texts::encode_url_component, 1, None, [context(STRING)];
    "error" objects::error, 1, None, [optional(STRING)];
    "exists" objects::exists, 1, None, [one(ANY)];
    "filter" higher::filter, 2, None, [ARRAY, FUNCTION];
    "floor" numbers::floor, 1, None, [context(NUMBER)];
    "formatBase" numbers::format_base, 2, None, [context(NUMBER), optional(NUMBER)];
    "formatInteger" numbers::format_integer, 2, None, [context(NUMBER), one(STRING)];
    "formatNumber" numbers::format_number, 3, None, [context(NUMBER), one(STRING), optional(OBJECT)];
    "fromMillis" times::from_millis, 3, None, [context(NUMBER), optional(STRING), optional(STRING)];
    "hash" aws::hash, 2, AWS, [one(STRING), optional(STRING)];
    "join" texts::join, 2, None, [array_of(Types::STRING), optional(STRING)];
    "keys" objects::keys, 1, None, [context(ANY)];
    "length" texts::length, 1, None, [context(STRING)];
    "lookup" objects::lookup, 2, None, [context(ANY), one(STRING)];
    "lowercase" texts::lowercase, 1, None, [context(STRING)];
    "map" higher::map, 2, None, [ARRAY, FUNCTION];
    "match" matching::matches, 3, None, [context(STRING), FUNCTION, optional(NUMBER)];
    "max" numbers::max, 1, None, [array_of(Types::NUMBER)];
    "merge" objects::merge, 1, None, [array_of(Types::OBJECT)];
    "millis" times::millis, 0, None, [];
    "min" numbers::min, 1, None, [array_of(Types::NUMBER)];
    "not" objects::not, 1, None, [context(ANY)];
    "now" times::now, 2, None, [optional(STRING), optional(STRING)];
    "number" numbers::number, 1, None, [context(CASTABLE)];
    "pad" texts::pad, 3, None, [context(STRING), one(NUMBER), optional(STRING)];
    "parse" aws::parse, 1, AWS, [context(STRING)];
    "parseInteger" numbers::parse_integer, 2, None, [context(STRING), one(STRING)];
    "partition" aws::partition, 2, AWS, [one(ANY), optional(NUMBER)];
    "power" numbers::power, 2, None, [context(NUMBER), one(NUMBER)];
    "random" aws::random, 0, None, [optional(NUMBER)];
    "range" aws::range, 3, AWS, [one(NUMBER), one(NUMBER), optional(NUMBER)];
    "reduce" higher::reduce, 3, None, [ARRAY, FUNCTION, optional(JSON)];
    "replace" matching::replace, 4, None, [context(STRING), one(PATTERN), one(PATTERN), optional(NUMBER)];
    "reverse" arrays::reverse, 1, None, [ARRAY];
    "round" numbers::round, 2, None, [context(NUMBER), optional(NUMBER)];
    "shuffle" arrays::shuffle, 1, None, [ARRAY];
    "sift" higher::sift, 2, None, [context(OBJECT), Parameter { optional: true, ..FUNCTION }];
    "single" higher::single, 2, None, [ARRAY, Parameter { optional: true, ..FUNCTION }];
    "sort" arrays::sort, 2, None, [ARRAY, Parameter { optional: true, ..FUNCTION }];
    "split" matching::split, 3, None, [context(STRING), one(PATTERN), optional(NUMBER)];
    "spread" objects::spread, 1, None, [context(ANY)];
    "sqrt" numbers::sqrt, 1, None, [context(NUMBER)];
    "string" texts::string, 1, None, [context(ANY), optional(BOOL)];
    "substring" texts::substring, 3, None, [context(STRING), one(NUMBER), optional(NUMBER)];
    "substringAfter" texts::substring_after, 2, None, [context(STRING), one(STRING)];
    "substringBefore" texts::substring_before, 2, None, [context(STRING), one(STRING)];
    "sum" numbers::sum, 1, None, [array_of(Types::NUMBER)];
    "toMillis" times::to_millis, 2, None, [context(STRING), optional(STRING)];
    "trim" texts::trim, 1, None, [context(STRING)];
    "type" objects::type_name, 1, None, [one(ANY)];
    "uppercase" texts::uppercase, 1, None, [context(STRING)];
    "uuid" aws::uuid, 0, AWS, [];
    "zip" arrays::zip, 0, None, [Parameter { many: true, ..ARRAY }];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.is_sorted_by(|one, other| one.name < other.name));
    }

    #[test]
    fn functions_of_aws_are_not_in_the_language() {
        for name in ["hash", "parse", "partition", "range", "uuid"] {
            assert!(find(name, Dialect::Aws).is_some(), "{name}");
            assert!(find(name, Dialect::Full).is_none(), "{name}");
        }
        assert!(find("eval", Dialect::Aws).is_none());
        assert_eq!(find("sum", Dialect::Aws), find("sum", Dialect::Full));
    }
}
