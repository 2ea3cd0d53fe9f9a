use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeStruct as _,
};
use serde_json::{Map, Value};

use super::{Violation, from_value};

/// Who a call is made for, and what they may do.
///
/// It travels with every call of a run and of a goal, and with those of a scenario's steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SecurityContext {
    /// The user.
    pub user: Arc<str>,
    /// The user's roles, which grant permissions.
    #[serde(deserialize_with = "names", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Arc<str>>,
    /// What the user may do whatever the roles.
    #[serde(deserialize_with = "names", skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Arc<str>>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Arc<str>>,
    /// What services know the caller by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

/// A secret that a service knows a caller by; no message shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credential(Arc<str>);

impl SecurityContext {
    /// The context of a user without roles and permissions.
    pub fn new(user: impl Into<Arc<str>>) -> Self {
        Self {
            user: user.into(),
            ..Self::default()
        }
    }

    /// Reads it from the rows of a table, field and cell; roles and permissions are separated by commas, or a
    /// list in JSON.
    ///
    /// # Errors
    ///
    /// If there is no such field, a field is given twice, and as for [`check`](Self::check).
    pub fn from_rows<'a>(
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Violation> {
        let mut fields = Map::new();
        for (field, cell) in rows {
            let list = || serde_json::from_str(cell).ok().filter(Value::is_array);
            let value = list().unwrap_or_else(|| cell.trim().into());
            if fields.insert(field.to_owned(), value).is_some() {
                return Err(Violation::new(format!("/{field}"), "is given twice"));
            }
        }
        let context: Self = from_value(&fields.into())?;
        context.check()?;
        Ok(context)
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    ///
    /// If it has no user, or something in it has no name.
    pub fn check(&self) -> Result<(), Violation> {
        if self.user.trim().is_empty() {
            return Err(Violation::new(
                "/user",
                "a security context needs a \"user\"",
            ));
        }
        check_names("/roles", &self.roles)?;
        check_names("/permissions", &self.permissions)?;
        if self.session.as_ref().is_some_and(|it| it.trim().is_empty()) {
            return Err(Violation::new("/session", "a session needs a name"));
        }
        match self.credential.as_ref().is_some_and(Credential::is_blank) {
            true => Err(Violation::new("/credential", "a credential has no text")),
            false => Ok(()),
        }
    }
}

impl Credential {
    /// Its text, for those who send or look for it.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl From<&str> for Credential {
    fn from(secret: &str) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Checks a role and the permissions that it grants.
pub(crate) fn check_role(role: &str, permissions: &[Arc<str>]) -> Result<(), Violation> {
    check_name(role).map_err(|why| Violation::new("", why))?;
    check_names("", permissions)
}

/// Checks the names of roles or permissions in a list at a JSON pointer.
fn check_names(pointer: &str, names: &[Arc<str>]) -> Result<(), Violation> {
    for (index, name) in names.iter().enumerate() {
        check_name(name).map_err(|why| Violation::new(format!("{pointer}/{index}"), why))?;
    }
    Ok(())
}

/// Checks the name of a role or of a permission.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    match name.is_empty() || name.trim() != name || name.contains(',') {
        true => Err(format!(
            "{name:?} is not a valid name: it must not be empty, contain a comma, or begin or end with a space"
        )),
        false => Ok(()),
    }
}

/// Names that are separated by commas, or a list of them.
pub(crate) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<str>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let refused = || {
        let message =
            format!("expected names such as \"editor, auditor\" or a list of them, found {value}");
        D::Error::custom(message)
    };
    match &value {
        Value::String(text) => Ok(text.split(',').map(|name| name.trim().into()).collect()),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(Arc::from).ok_or_else(refused))
            .collect(),
        _ => Err(refused()),
    }
}

/// What of it is shown where a call is: the user and the session, if there is one.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(super) fn shown<S: Serializer>(
    context: &Option<Arc<SecurityContext>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Some(context) = context else {
        return serializer.serialize_none();
    };
    let mut fields = serializer.serialize_struct("SecurityContext", 2)?;
    fields.serialize_field("user", &context.user)?;
    if let Some(session) = &context.session {
        fields.serialize_field("session", session)?;
    }
    fields.end()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn context_is_read_from_rows() {
        let context = SecurityContext::from_rows([
            ("user", "007"),
            ("roles", "editor, auditor"),
            ("permissions", r#"["agents.write"]"#),
            ("session", "s-1"),
            ("credential", "12345"),
        ])
        .unwrap();
        assert_eq!(
            serde_json::to_value(&context).unwrap(),
            json!({
                "user": "007", "roles": ["editor", "auditor"], "permissions": ["agents.write"],
                "session": "s-1", "credential": "12345",
            })
        );
        assert!(!format!("{context:?}").contains("12345"));
    }

    #[test]
    fn invalid_context_is_refused_with_its_place() {
        let ada = ("user", "ada");
        for (rows, expected) in [
            (&[][..], "at /user: a security context needs a \"user\""),
            (&[("user", " ")], "at /user: "),
            (&[ada, ("role", "editor")], "did you mean \"roles\"?"),
            (&[ada, ("user", "bob")], "at /user: is given twice"),
            (&[ada, ("roles", "editor,")], "at /roles/1: \"\" is not a"),
            (&[ada, ("roles", "[1]")], "at /roles: expected names such"),
            (
                &[ada, ("permissions", r#"["a, b"]"#)],
                "at /permissions/0: \"a, b\" is not a valid name",
            ),
            (&[ada, ("session", "")], "at /session: "),
            (&[ada, ("credential", "")], "at /credential: "),
        ] {
            let error = SecurityContext::from_rows(rows.iter().copied());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected), "{rows:?}: {error}");
        }
    }
}
