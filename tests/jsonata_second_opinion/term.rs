//! A generated expression as a tree of texts, so that it can be made smaller.

/// Text with terms in it.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    /// Its holes are where the children go.
    form: &'static str,
    children: Vec<Term>,
}

/// Marks the place of a child in a form.
pub(crate) const HOLE: char = '¤';

impl Term {
    pub(crate) fn new(form: &'static str, children: Vec<Self>) -> Self {
        debug_assert_eq!(form.matches(HOLE).count(), children.len(), "{form}");
        Self { form, children }
    }

    /// The expression.
    pub(crate) fn text(&self) -> String {
        let mut children = self.children.iter();
        let mut out = String::new();
        for part in self.form.split_inclusive(HOLE) {
            match part.strip_suffix(HOLE) {
                Some(before) => {
                    out.push_str(before);
                    out.extend(children.next().map(Self::text));
                }
                None => out.push_str(part),
            }
        }
        out
    }

    /// Versions with one term less: each term in turn gives way to one of its own children, or to
    /// something plain.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = self.children.clone();
        if !self.children.is_empty() {
            all.extend(["1", "\"x\"", "$"].map(|plain| Self::new(plain, Vec::new())));
        }
        for (place, child) in self.children.iter().enumerate() {
            for smaller in child.smaller() {
                let mut copy = self.clone();
                copy.children[place] = smaller;
                all.push(copy);
            }
        }
        all
    }
}

#[test]
fn a_term_is_written_with_its_children_and_gives_way_to_them() {
    let leaf = |text| Term::new(text, Vec::new());
    let term = Term::new("(¤ + ¤)", vec![leaf("a"), Term::new("-¤", vec![leaf("b")])]);
    assert_eq!(term.text(), "(a + -b)");
    let smaller: Vec<_> = term.smaller().iter().map(Term::text).collect();
    assert!(smaller.contains(&"-b".to_owned()) && smaller.contains(&"(a + b)".to_owned()));
}
