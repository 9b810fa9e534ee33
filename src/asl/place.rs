//! Places in the language, as AWS writes locations: `/States/Pay/Catch[0]/Next`.

use std::fmt;

/// A place that is written out only when something is reported there.
///
/// Definitions are walked with thousands of places and few reports, so a place is a link to the
/// one that holds it and costs nothing until then.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

/// How a place lies in the one that holds it.
#[derive(Clone, Copy)]
enum Step<'p> {
    /// The machine itself.
    Machine,
    /// A field of an object.
    Field(&'p str),
    /// An item of a field's array.
    Item(&'p str, usize),
    /// An item of an array that is the parent place.
    Index(usize),
    /// A state of a graph.
    State(&'p str),
}

impl<'p> Place<'p> {
    /// The machine itself.
    pub(super) const MACHINE: Place<'static> = Place { parent: None, step: Step::Machine };

    pub(super) fn field(&'p self, field: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Field(field) }
    }

    pub(super) fn item(&'p self, field: &'p str, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(field, index) }
    }

    pub(super) fn index(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    pub(super) fn state(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::State(name) }
    }

    fn is_machine(&self) -> bool {
        matches!(self.step, Step::Machine)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // AWS: the machine is `/`, but nothing of it stands before its fields.
        let Some(parent) = self.parent else { return f.write_str("/") };
        if !parent.is_machine() {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Machine => Ok(()),
            Step::Field(field) => write!(f, "/{}", Cut(field)),
            Step::Item(field, index) => write!(f, "/{}[{index}]", Cut(field)),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::State(name) => write!(f, "/States/{}", Cut(name)),
        }
    }
}

/// A name in a location; hostile ones are cut, since every place inside repeats them.
pub(super) struct Cut<'a>(pub(super) &'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(NAME_CHARS_SHOWN_MAX) {
            Some((end, _)) => write!(f, "{}...", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}

/// Longer than any name that AWS accepts.
const NAME_CHARS_SHOWN_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_like_locations_of_aws() {
        let machine = Place::MACHINE;
        assert_eq!(machine.to_string(), "/");
        assert_eq!(machine.field("StartAt").to_string(), "/StartAt");
        let parallel = machine.state("P");
        let branch = parallel.item("Branches", 2);
        let state = branch.state("X");
        assert_eq!(state.field("Next").to_string(), "/States/P/Branches[2]/States/X/Next");
        let parameters = state.field("Parameters");
        let list = parameters.field("a");
        assert_eq!(list.index(1).to_string(), "/States/P/Branches[2]/States/X/Parameters/a[1]");
    }

    #[test]
    fn hostile_names_are_cut() {
        let name = "é".repeat(1_000);
        assert_eq!(Place::MACHINE.state(&name).to_string().chars().count(), 8 + 200 + 3);
    }
}
