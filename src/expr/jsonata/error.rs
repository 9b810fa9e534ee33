//! What goes wrong in an expression, by JSONata's own codes and words.
//!
//! `S` are errors of syntax, `T` of type, `D` of evaluation, `U` of bounds. Codes and texts are
//! those of the language's reference implementation; AWS prints them as `CODE: text` (measured in
//! many places, no difference found), except for its own bounds, which have no code.

use super::ast::Span;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $text:literal,)*) => {
        /// JSONata's error codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each code is explained by its text")]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// The code as it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }

            /// The text, with `{{token}}`, `{{value}}`, `{{value2}}` and `{{index}}` to be filled in.
            fn template(self) -> &'static str {
                match self { $(Self::$code => $text,)* }
            }
        }
    };
}

codes! {
    S0101 "String literal must be terminated by a matching quote",
    S0102 "Number out of range: {{token}}",
    S0103 "Unsupported escape sequence: \\{{token}}",
    S0104 "The escape sequence \\u must be followed by 4 hex digits",
    S0105 "Quoted property name must be terminated with a backquote (`)",
    S0106 "Comment has no closing tag",
    S0201 "Syntax error: {{token}}",
    S0202 "Expected {{value}}, got {{token}}",
    S0203 "Expected {{value}} before end of expression",
    S0204 "Unknown operator: {{token}}",
    S0205 "Unexpected token: {{token}}",
    S0206 "Unknown expression type: {{token}}",
    S0207 "Unexpected end of expression",
    S0208 "Parameter {{value}} of function definition must be a variable name (start with $)",
    S0209 "A predicate cannot follow a grouping expression in a step",
    S0210 "Each step can only have one grouping expression",
    S0211 "The symbol {{token}} cannot be used as a unary operator",
    S0212 "The left side of := must be a variable name (start with $)",
    S0213 "The literal value {{value}} cannot be used as a step within a path expression",
    S0214 "The right side of {{token}} must be a variable name (start with $)",
    S0215 "A context variable binding must precede any predicates on a step",
    S0216 "A context variable binding must precede the 'order-by' clause on a step",
    S0217 "The object representing the 'parent' cannot be derived from this expression",
    S0301 "Empty regular expressions are not allowed",
    S0302 "No terminating / in regular expression",
    /// Ours: a pattern that cannot be matched in linear time.
    S0303 "Unsupported regular expression: {{value}}",
    S0401 "Type parameters can only be applied to functions and arrays",
    S0402 "Choice groups containing parameterized types are not supported",
    S0500 "Attempted to evaluate an expression containing syntax error(s)",
    T0410 "Argument {{index}} of function {{token}} does not match function signature",
    T0411 "Context value is not a compatible type with argument {{index}} of function {{token}}",
    T0412 "Argument {{index}} of function {{token}} must be an array of {{type}}",
    D1001 "Number out of range: {{value}}",
    D1002 "Cannot negate a non-numeric value: {{value}}",
    D1004 "Regular expression matches zero length string",
    D1009 "Multiple key definitions evaluate to same key: {{value}}",
    D1013 "Object property names starting with _jsonata_ are reserved for internal use: {{value}}",
    D2014 "The size of the sequence allocated by the range operator (..) must not exceed 1e7.  Attempted to allocate {{value}}.",
    D2015 "The maximum sequence length of {{value}} was exceeded.",
    D3001 "Attempting to invoke string function on Infinity or NaN",
    D3010 "Second argument of replace function cannot be an empty string",
    D3011 "Fourth argument of replace function must evaluate to a positive number",
    D3012 "Attempted to replace a matched string with a non-string value",
    D3020 "Third argument of split function must evaluate to a positive number",
    D3030 "Unable to cast value to a number: {{value}}",
    D3040 "Third argument of match function must evaluate to a positive number",
    D3050 "The second argument of reduce function must be a function with at least two arguments",
    D3060 "The sqrt function cannot be applied to a negative number: {{value}}",
    D3061 "The power function has resulted in a value that cannot be represented as a JSON number: base={{value}}, exponent={{exp}}",
    D3070 "The single argument form of the sort function can only be applied to an array of strings or an array of numbers.  Use the second argument to specify a comparison function",
    D3080 "The picture string must only contain a maximum of two sub-pictures",
    D3081 "The sub-picture must not contain more than one instance of the 'decimal-separator' character",
    D3082 "The sub-picture must not contain more than one instance of the 'percent' character",
    D3083 "The sub-picture must not contain more than one instance of the 'per-mille' character",
    D3084 "The sub-picture must not contain both a 'percent' and a 'per-mille' character",
    D3085 "The mantissa part of a sub-picture must contain at least one character that is either an 'optional digit character' or a member of the 'decimal digit family'",
    D3086 "The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character",
    D3087 "The sub-picture must not contain a 'grouping-separator' character that appears adjacent to a 'decimal-separator' character",
    D3088 "The sub-picture must not contain a 'grouping-separator' at the end of the integer part",
    D3089 "The sub-picture must not contain two adjacent instances of the 'grouping-separator' character",
    D3090 "The integer part of the sub-picture must not contain a member of the 'decimal digit family' that is followed by an instance of the 'optional digit character'",
    D3091 "The fractional part of the sub-picture must not contain an instance of the 'optional digit character' that is followed by a member of the 'decimal digit family'",
    D3092 "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a character treated as an 'exponent-separator'",
    D3093 "The exponent part of the sub-picture must comprise only of one or more characters that are members of the 'decimal digit family'",
    D3100 "The radix of the formatBase function must be between 2 and 36.  It was given {{value}}",
    D3110 "The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {{value}}",
    D3120 "Syntax error in expression passed to function eval: {{value}}",
    D3121 "Dynamic error evaluating the expression passed to function eval: {{value}}",
    D3130 "Formatting or parsing an integer as a sequence starting with {{value}} is not supported by this implementation",
    D3131 "In a decimal digit pattern, all digits must be from the same decimal group",
    D3132 "Unknown component specifier {{value}} in date/time picture string",
    D3133 "The 'name' modifier can only be applied to months and days in the date/time picture string, not {{value}}",
    D3134 "The timezone integer format specifier cannot have more than four digits",
    D3135 "No matching closing bracket ']' in date/time picture string",
    D3136 "The date/time picture string is missing specifiers required to parse the timestamp",
    D3137 "{{{message}}}",
    D3138 "The $single() function expected exactly 1 matching result.  Instead it matched more.",
    D3139 "The $single() function expected exactly 1 matching result.  Instead it matched 0.",
    D3140 "Malformed URL passed to ${{{functionName}}}(): {{value}}",
    D3141 "{{{message}}}",
    T1003 "Key in object structure must evaluate to a string; got: {{value}}",
    T1005 "Attempted to invoke a non-function. Did you mean ${{{token}}}?",
    T1006 "Attempted to invoke a non-function",
    T1007 "Attempted to partially apply a non-function. Did you mean ${{{token}}}?",
    T1008 "Attempted to partially apply a non-function",
    T1010 "The matcher function argument passed to function {{token}} does not return the correct object structure",
    T2001 "The left side of the {{token}} operator must evaluate to a number",
    T2002 "The right side of the {{token}} operator must evaluate to a number",
    T2003 "The left side of the range operator (..) must evaluate to an integer",
    T2004 "The right side of the range operator (..) must evaluate to an integer",
    T2006 "The right side of the function application operator ~> must be a function",
    T2007 "Type mismatch when comparing values {{value}} and {{value2}} in order-by clause",
    T2008 "The expressions within an order-by clause must evaluate to numeric or string values",
    T2009 "The values {{value}} and {{value2}} either side of operator {{token}} must be of the same data type",
    T2010 "The expressions either side of operator {{token}} must evaluate to numeric or string values",
    T2011 "The insert/update clause of the transform expression must evaluate to an object: {{value}}",
    T2012 "The delete clause of the transform expression must evaluate to a string or array of strings: {{value}}",
    /// As measured on AWS: one blank, no full stop at the end.
    U1001 "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
    U1002 "Expression evaluation timeout: Check for infinite loop",
    /// What AWS calls an internal error of its own, without saying more.
    Internal "internal error",
    Memory "Expression evaluation memory limit exceeded: Check for excessive memory usage",
}

/// An error of an expression. Boxed: failing is the cold path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown(Box<Detail>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Detail {
    code: Code,
    /// What is said instead of the code's own text.
    words: Option<&'static str>,
    token: Option<Box<str>>,
    span: Option<Span>,
    /// Names with what the text's `{{name}}` become.
    parts: Vec<(&'static str, Box<str>)>,
}

impl Thrown {
    /// An error with this code; what its text quotes is given by [`Self::with`].
    #[cold]
    pub fn new(code: Code) -> Self {
        let parts = Vec::new();
        Self(Box::new(Detail { code, words: None, token: None, span: None, parts }))
    }

    /// Says `words` instead of the code's own text.
    #[must_use]
    pub fn saying(mut self, words: &'static str) -> Self {
        self.0.words = Some(words);
        self
    }

    /// Fills `{{name}}` of the text; strings are given with their quotes, as JSON.
    #[must_use]
    pub fn with(mut self, name: &'static str, part: impl Into<Box<str>>) -> Self {
        self.0.parts.push((name, part.into()));
        self
    }

    /// The operator or function that failed, unless one is known already.
    #[must_use]
    pub fn at_token(mut self, token: &str) -> Self {
        if token.is_empty() {
            return self;
        }
        self.0.token.get_or_insert_with(|| token.into());
        self
    }

    /// Where it failed, unless that is known already.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.0.span.get_or_insert(span);
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Whether it is a bound of evaluation that was met; AWS prints no code in front of these.
    pub fn is_bound(&self) -> bool {
        matches!(self.0.code, Code::U1001 | Code::U1002 | Code::Memory | Code::Internal)
    }

    /// Operator or function that failed.
    pub fn token(&self) -> Option<&str> {
        self.0.token.as_deref()
    }

    /// Where in the expression it failed.
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// The text, without the code.
    pub fn message(&self) -> String {
        let mut text = String::new();
        let mut rest = self.0.words.unwrap_or(self.0.code.template());
        while let Some((before, behind)) = rest.split_once("{{") {
            text.push_str(before);
            let bare = behind.starts_with('{');
            let (name, after) =
                behind.split_once(if bare { "}}}" } else { "}}" }).unwrap_or((behind, ""));
            text.push_str(&self.part(name.trim_start_matches('{'), bare));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn part(&self, name: &str, bare: bool) -> String {
        let part = self.0.parts.iter().find(|(known, _)| *known == name);
        match (part, &self.0.token) {
            (Some((_, part)), _) => part.to_string(),
            (None, Some(token)) if name == "token" && bare => token.to_string(),
            (None, Some(token)) if name == "token" => format!("\"{token}\""),
            // As JavaScript prints what is not there.
            _ => "undefined".to_owned(),
        }
    }
}

impl std::fmt::Display for Thrown {
    /// As AWS prints it: `T1006: Attempted to invoke a non-function`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_bound() {
            return f.write_str(&self.message());
        }
        write!(f, "{}: {}", self.0.code.as_str(), self.message())
    }
}

impl std::error::Error for Thrown {}
