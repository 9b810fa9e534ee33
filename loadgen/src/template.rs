//! Text with holes in double braces, cut once at the start of a run.

/// Text cut at its holes. A name in double braces that is no hole stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    /// Every hole with the text before it.
    parts: Vec<(Vec<u8>, Hole)>,
    /// The text after the last hole.
    tail: Vec<u8>,
}

/// What fills a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    /// Number of the event.
    Sequence,
    /// Its key.
    Key,
    /// The run's id.
    Producer,
    /// Its due time in milliseconds since the epoch.
    DueMs,
    /// Its due time as RFC 3339.
    DueTime,
    /// Letters up to the size asked for.
    Padding,
    /// A field of the scenario, by its place among them.
    Field(u16),
}

impl Template {
    /// Cuts `text` at the holes that every payload has, and at those named in `fields`.
    pub(crate) fn parse(text: &str, fields: &[&str]) -> Self {
        let mut parts = Vec::new();
        let mut literal_start = 0;
        let mut search = 0;
        while let Some(open) = text[search..].find("{{").map(|at| at + search) {
            let Some((hole, end)) = hole_at(text, open, fields) else {
                search = open + 1;
                continue;
            };
            parts.push((text[literal_start..open].into(), hole));
            literal_start = end;
            search = end;
        }
        Self { parts, tail: text[literal_start..].into() }
    }

    /// Returns every hole with the text before it.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&[u8], Hole)> {
        self.parts.iter().map(|(text, hole)| (text.as_slice(), *hole))
    }

    /// Returns the text after the last hole.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Returns the text of a template without holes.
    pub(crate) fn constant(&self) -> Option<&[u8]> {
        self.parts.is_empty().then_some(self.tail.as_slice())
    }

    /// Returns the number of holes that padding fills.
    pub(crate) fn padding_holes(&self) -> usize {
        self.parts.iter().filter(|(_, hole)| *hole == Hole::Padding).count()
    }

    /// Returns the fields, by their place, that have no hole.
    pub(crate) fn unused_fields(&self, count: usize) -> Vec<usize> {
        let used =
            |number: usize| self.parts.iter().any(|(_, hole)| *hole == Hole::Field(number as u16));
        (0..count).filter(|number| !used(*number)).collect()
    }
}

/// Returns the hole that opens at `open`, and where it ends.
fn hole_at(text: &str, open: usize, fields: &[&str]) -> Option<(Hole, usize)> {
    let name_start = open + 2;
    let name_end = name_start + text[name_start..].find("}}")?;
    let name = &text[name_start..name_end];
    let built_in = HOLES.iter().find(|(known, _)| *known == name).map(|(_, hole)| *hole);
    let field = || fields.iter().position(|field| *field == name);
    let hole = built_in.or_else(|| field().map(|number| Hole::Field(number as u16)))?;
    Some((hole, name_end + 2))
}

/// Returns whether every payload has a hole of this name.
pub(crate) fn is_built_in(name: &str) -> bool {
    HOLES.iter().any(|(known, _)| *known == name)
}

/// What is sent when nothing else is asked for.
pub(crate) const DEFAULT: &str =
    r#"{"sequence":{{sequence}},"producer":"{{producer}}","padding":"{{padding}}"}"#;

const HOLES: [(&str, Hole); 6] = [
    ("sequence", Hole::Sequence),
    ("key", Hole::Key),
    ("producer", Hole::Producer),
    ("due_ms", Hole::DueMs),
    ("due_time", Hole::DueTime),
    ("padding", Hole::Padding),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_known_names_only() {
        let template = Template::parse("a{{sequence}}b{{what}}c{{size}}{{{key}}", &["size"]);
        let parts: Vec<(&[u8], Hole)> = template.parts().collect();
        assert_eq!(
            parts,
            [
                (&b"a"[..], Hole::Sequence),
                (&b"b{{what}}c"[..], Hole::Field(0)),
                (&b"{"[..], Hole::Key),
            ]
        );
        assert_eq!(template.tail(), b"");
        assert_eq!(template.unused_fields(2), [1]);
    }

    #[test]
    fn only_a_template_without_holes_is_constant() {
        assert_eq!(Template::parse("[1]", &[]).constant(), Some(&b"[1]"[..]));
        assert_eq!(Template::parse("{{open", &[]).constant(), Some(&b"{{open"[..]));
        assert_eq!(Template::parse("[{{sequence}}]", &[]).constant(), None);
    }

    #[test]
    fn padding_holes_are_counted() {
        assert_eq!(Template::parse("{{padding}}{{key}}{{padding}}", &[]).padding_holes(), 2);
    }
}
