//! Symbols of the language and how strongly they bind what stands before them.

/// An operator, a bracket, a separator, or a word that is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Ampersand,
    And,
    Assign,
    At,
    Bar,
    Caret,
    CloseBrace,
    CloseBracket,
    CloseParen,
    Colon,
    Comma,
    Dot,
    Elvis,
    Equal,
    Greater,
    GreaterOrEqual,
    Hash,
    In,
    Less,
    LessOrEqual,
    Minus,
    NotEqual,
    OpenBrace,
    OpenBracket,
    OpenParen,
    Or,
    Percent,
    Plus,
    Question,
    Questions,
    Range,
    Semicolon,
    Slash,
    Star,
    Stars,
    Tilde,
}

impl Symbol {
    /// The symbol that `text` begins with, words excepted, and its length in bytes.
    pub(super) fn read(text: &[u8]) -> Option<(Self, usize)> {
        let pair = match text {
            [b'.', b'.', ..] => Some(Self::Range),
            [b':', b'=', ..] => Some(Self::Assign),
            [b'!', b'=', ..] => Some(Self::NotEqual),
            [b'>', b'=', ..] => Some(Self::GreaterOrEqual),
            [b'<', b'=', ..] => Some(Self::LessOrEqual),
            [b'*', b'*', ..] => Some(Self::Stars),
            [b'~', b'>', ..] => Some(Self::Tilde),
            [b'?', b':', ..] => Some(Self::Elvis),
            [b'?', b'?', ..] => Some(Self::Questions),
            _ => None,
        };
        match pair {
            Some(symbol) => Some((symbol, 2)),
            None => Self::single(*text.first()?).map(|symbol| (symbol, 1)),
        }
    }

    /// Whether a name ends before this byte.
    pub(super) fn begins_with(byte: u8) -> bool {
        matches!(byte, b'!' | b'~') || Self::single(byte).is_some()
    }

    fn single(byte: u8) -> Option<Self> {
        Some(match byte {
            b'&' => Self::Ampersand,
            b'@' => Self::At,
            b'|' => Self::Bar,
            b'^' => Self::Caret,
            b'}' => Self::CloseBrace,
            b']' => Self::CloseBracket,
            b')' => Self::CloseParen,
            b':' => Self::Colon,
            b',' => Self::Comma,
            b'.' => Self::Dot,
            b'=' => Self::Equal,
            b'>' => Self::Greater,
            b'#' => Self::Hash,
            b'<' => Self::Less,
            b'-' => Self::Minus,
            b'{' => Self::OpenBrace,
            b'[' => Self::OpenBracket,
            b'(' => Self::OpenParen,
            b'%' => Self::Percent,
            b'+' => Self::Plus,
            b'?' => Self::Question,
            b';' => Self::Semicolon,
            b'/' => Self::Slash,
            b'*' => Self::Star,
            _ => return None,
        })
    }

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ampersand => "&",
            Self::And => "and",
            Self::Assign => ":=",
            Self::At => "@",
            Self::Bar => "|",
            Self::Caret => "^",
            Self::CloseBrace => "}",
            Self::CloseBracket => "]",
            Self::CloseParen => ")",
            Self::Colon => ":",
            Self::Comma => ",",
            Self::Dot => ".",
            Self::Elvis => "?:",
            Self::Equal => "=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Hash => "#",
            Self::In => "in",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Minus => "-",
            Self::NotEqual => "!=",
            Self::OpenBrace => "{",
            Self::OpenBracket => "[",
            Self::OpenParen => "(",
            Self::Or => "or",
            Self::Percent => "%",
            Self::Plus => "+",
            Self::Question => "?",
            Self::Questions => "??",
            Self::Range => "..",
            Self::Semicolon => ";",
            Self::Slash => "/",
            Self::Star => "*",
            Self::Stars => "**",
            Self::Tilde => "~>",
        }
    }

    /// How strongly it binds the operand before it; 0 if it does not go behind one.
    pub(super) fn binding(self) -> u8 {
        match self {
            Self::At | Self::Hash | Self::OpenBracket | Self::OpenParen => 80,
            Self::Dot => 75,
            Self::OpenBrace => 70,
            Self::Percent | Self::Slash | Self::Star => 60,
            Self::Ampersand | Self::Minus | Self::Plus => 50,
            Self::Caret
            | Self::Elvis
            | Self::Equal
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::In
            | Self::Less
            | Self::LessOrEqual
            | Self::NotEqual
            | Self::Questions
            | Self::Tilde => 40,
            Self::And => 30,
            Self::Or => 25,
            Self::Question => 20,
            Self::Assign => 10,
            Self::Bar
            | Self::CloseBrace
            | Self::CloseBracket
            | Self::CloseParen
            | Self::Colon
            | Self::Comma
            | Self::Range
            | Self::Semicolon
            | Self::Stars => 0,
        }
    }
}

/// How strongly a unary minus binds what stands behind it.
pub(super) const NEGATION: u8 = 70;
