//! Definition JSON as constants and payload templates.

use crate::asl::json::{Kind, Member, Node};
use crate::expr::apply::Apply;
use crate::expr::intrinsic::Call;
use crate::expr::lookup::Lookup;
use crate::expr::path::Path;
use crate::expr::template::{Field, Template};
use crate::expr::{Bindings, VariableIdx};
use crate::value::Value;

use super::Error;
use super::emit::proven;

/// Compiles a payload template; what has no hole inside becomes one constant.
pub(super) fn template(node: &Node, bindings: &mut Bindings) -> Result<Template, Error> {
    if !has_hole(node) {
        return Ok(Template::Constant(constant(node, bindings)?));
    }
    if let Kind::Object(members) = &node.kind {
        let fields = distinct(members).into_iter().map(|member| field(member, bindings));
        Ok(Template::object(fields.collect::<Result<Vec<_>, _>>()?))
    } else {
        let elements = node.items().iter().map(|item| template(item, bindings));
        Ok(Template::Array(elements.collect::<Result<_, _>>()?))
    }
}

fn field(member: &Member, bindings: &mut Bindings) -> Result<Field, Error> {
    let Some(name) = member.key.strip_suffix(".$") else {
        let key = bindings.constants.string(&member.key)?;
        return Ok(Field { key, template: template(&member.value, bindings)? });
    };
    let text = member.value.as_str().unwrap_or_default();
    let template = if text.starts_with('$') {
        let path = Path::parse(text).map_err(|error| proven(&error))?;
        Template::path(Lookup::compile(&path, bindings)?, &member.key)
    } else {
        Template::Call(Apply::compile(
            &Call::parse(text).map_err(|error| proven(&error))?,
            bindings,
        )?)
    };
    Ok(Field { key: bindings.constants.string(name)?, template })
}

/// The fields of `Assign`: variables and what they become.
pub(super) fn variables(
    node: &Node,
    bindings: &mut Bindings,
) -> Result<Vec<(VariableIdx, Template)>, Error> {
    let members = distinct(node.members()).into_iter().map(|member| {
        let name = member.key.strip_suffix(".$").unwrap_or(&member.key);
        Ok((bindings.variable(name)?, field(member, bindings)?.template))
    });
    members.collect()
}

/// Makes a constant of JSON as it stands, `.$` keys included.
pub(super) fn constant(node: &Node, bindings: &mut Bindings) -> Result<Value, Error> {
    Ok(match &node.kind {
        Kind::Null => Value::NULL,
        Kind::Bool(bool) => Value::bool(*bool),
        Kind::Number(text) => Value::number(text),
        Kind::String(text) => bindings.constants.string(text)?,
        Kind::Array(items) => {
            let items = items.iter().map(|item| constant(item, bindings));
            let items = items.collect::<Result<Vec<_>, _>>()?;
            bindings.constants.array(&items)?
        }
        Kind::Object(members) => {
            let entries = distinct(members).into_iter().map(|member| {
                Ok((bindings.constants.string(&member.key)?, constant(&member.value, bindings)?))
            });
            let entries = entries.collect::<Result<Vec<_>, Error>>()?;
            bindings.constants.object(&entries)?
        }
    })
}

/// Members with each key once: the first one's place, the last one's value.
pub(super) fn distinct(members: &[Member]) -> Vec<&Member> {
    let mut places = std::collections::HashMap::new();
    let mut kept: Vec<&Member> = Vec::with_capacity(members.len());
    for member in members {
        let place = *places.entry(member.key.as_str()).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(known) => *known = member,
            None => kept.push(member),
        }
    }
    kept
}

fn has_hole(node: &Node) -> bool {
    node.members().iter().any(|member| member.key.ends_with(".$") || has_hole(&member.value))
        || node.items().iter().any(has_hole)
}
