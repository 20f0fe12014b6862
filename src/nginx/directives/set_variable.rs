//! What `auth_jwt_claim_set` and `auth_jwt_header_set` share: a variable and a path.

use super::{Conf, ConfError};
use crate::nginx::conf::{MainConf, Part, SetVariable};
use crate::nginx::variables::JwtSetVariable;

/// Defines the variable; one that is defined twice takes the last definition.
pub fn define(part: Part, cf: &mut Conf<'_>, conf: &MainConf) -> Result<(), ConfError> {
    let mut arguments = cf.arguments().into_iter();
    let variable = arguments.next().unwrap_or_default();
    let name = variable.strip_prefix(b"$").filter(|name| !name.is_empty());
    let name = name
        .and_then(|name| std::str::from_utf8(name).ok())
        .ok_or_else(|| cf.invalid_value(variable, "a variable, such as \"$claim\", and a name"))?;
    let path = arguments.map(|name| {
        let text = String::from_utf8(name.to_vec());
        text.map_err(|_| cf.invalid_value(name, "a name in UTF-8"))
    });
    let path = path.collect::<Result<_, _>>()?;
    let set = SetVariable { name: name.to_ascii_lowercase(), part, path };
    let mut variables = conf.set_variables.borrow_mut();
    match variables.iter_mut().find(|known| known.name == set.name) {
        Some(known) => *known = set,
        None => {
            cf.add_numbered_variable::<JwtSetVariable>(name, variables.len())?;
            variables.push(set);
        }
    }
    Ok(())
}
