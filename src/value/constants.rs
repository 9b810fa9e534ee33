//! A program's constants: values that every execution reads and none may change.
//!
//! Strings are interned: two constant strings are equal exactly when their payloads are, which is
//! what makes a key lookup in an object that a template built one integer comparison an entry.

use std::collections::HashMap;

use super::{Space, Tag, TooLarge, Value, escaped_len};

/// Frozen constants; values of [`Space::CONSTANTS`] point into it.
#[derive(Clone, Debug, Default)]
pub struct Constants {
    pub(in crate::value) slots: Vec<Value>,
    /// Texts one behind the other, each as it stands in JSON when it needs no escape: `,"text":`.
    pub(in crate::value) text: String,
}

/// Collects constants while a definition is compiled.
#[derive(Debug, Default)]
pub struct ConstantsBuilder {
    constants: Constants,
    interned: HashMap<Box<str>, Value>,
}

impl ConstantsBuilder {
    /// Interns `text`; equal texts give equal values.
    ///
    /// # Errors
    /// [`TooLarge`] beyond 4 GiB of constants; a definition has at most 1 MiB.
    pub fn string(&mut self, text: &str) -> Result<Value, TooLarge> {
        if let Some(&known) = self.interned.get(text) {
            return Ok(known);
        }
        let texts = &mut self.constants.text;
        let offset = u32::try_from(texts.len() + 2).map_err(|_| TooLarge)?;
        let json_len = u32::try_from(escaped_len(text)).map_err(|_| TooLarge)?;
        texts.extend([",\"", text, "\":"]);
        let value = Value::placed(Tag::Str, Space::CONSTANTS, json_len, offset, text.len() as u32);
        self.interned.insert(text.into(), value);
        Ok(value)
    }

    /// The text of a string of this builder.
    pub fn text(&self, value: Value) -> Option<&str> {
        if value.tag() != Tag::Str {
            return None;
        }
        let at = value.offset();
        self.constants.text.get(at..at + value.extent())
    }

    /// Adds an array of constants.
    ///
    /// # Errors
    /// [`TooLarge`] as for [`Self::string`].
    pub fn array(&mut self, elements: &[Value]) -> Result<Value, TooLarge> {
        let inner: u64 = elements.iter().map(|value| u64::from(value.json_bytes()) + 1).sum();
        let json_len = 1 + inner.max(1);
        self.container(Tag::Array, elements.iter().copied(), elements.len(), json_len)
    }

    /// Adds an object of constants; keys are strings of this builder, each at most once.
    ///
    /// # Errors
    /// [`TooLarge`] as for [`Self::string`].
    pub fn object(&mut self, entries: &[(Value, Value)]) -> Result<Value, TooLarge> {
        let inner: u64 = entries
            .iter()
            .map(|(key, value)| u64::from(key.json_bytes()) + u64::from(value.json_bytes()) + 2)
            .sum();
        let slots = entries.iter().flat_map(|&(key, value)| [key, value]);
        self.container(Tag::Object, slots, entries.len(), 1 + inner.max(1))
    }

    /// Freezes what was collected.
    pub fn finish(self) -> Constants {
        self.constants
    }

    fn container(
        &mut self,
        tag: Tag,
        slots: impl Iterator<Item = Value>,
        extent: usize,
        json_len: u64,
    ) -> Result<Value, TooLarge> {
        let offset = u32::try_from(self.constants.slots.len()).map_err(|_| TooLarge)?;
        let json_len = u32::try_from(json_len).map_err(|_| TooLarge)?;
        self.constants.slots.extend(slots);
        Ok(Value::placed(tag, Space::CONSTANTS, json_len, offset, extent as u32))
    }
}
