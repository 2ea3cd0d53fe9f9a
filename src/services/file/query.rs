use serde_json::{Map, Value, json};

use super::{
    content::Content,
    failures::{FileResult, PATH, refused},
    location::read,
    path::FilePath,
    record::{FileMetadata, checksum},
    request::FileQuery,
    state::{FilesState, check_integrity},
};
use crate::domain::code;

/// Answers a query.
///
/// # Errors
///
/// `FILE_NOT_FOUND`; if the path is not valid; `CORRUPTION_DETECTED` if the file must be read and its
/// bytes have changed.
pub(super) fn answer(state: &FilesState, query: &FileQuery) -> FileResult<Map<String, Value>> {
    match query {
        FileQuery::Exists(one) => {
            let path = FilePath::parse(&one.path)?;
            let exists = match state.present(&one.path) {
                Ok(_) => true,
                Err(failure) if *failure.code == *code::FILE_NOT_FOUND => false,
                Err(failure) => return Err(failure),
            };
            Ok(object(json!({ "path": path.as_str(), "exists": exists })))
        }
        FileQuery::Get(one) => {
            let (place, record) = state.present(&one.path)?;
            check_integrity(&place, &record)?;
            let bytes = read(&place.target())?.unwrap_or_default();
            let content = Content::parse(&bytes, record.form).ok_or_else(|| {
                let message = format!(
                    "{:?} is not in the form it was written in",
                    place.path.as_str()
                );
                refused(code::CORRUPTION_DETECTED, PATH, message)
            })?;
            let mut reply = object(json!({ "path": place.path.as_str(), "content": content }));
            reply.extend(identity(&record.metadata));
            Ok(reply)
        }
        FileQuery::Describe(one) => {
            let (place, record) = state.present(&one.path)?;
            let backups = state.history(&place.path).backups;
            let backups: Vec<_> = backups
                .iter()
                .map(|backup| backup.describe(&place.path))
                .collect();
            let mut reply = object(json!({ "path": place.path.as_str() }));
            reply.extend(object(json!(record.metadata)));
            reply.insert("backups".to_owned(), json!(backups));
            Ok(reply)
        }
        FileQuery::Validate(one) => {
            let (place, record) = state.recorded(&one.path)?;
            check_integrity(&place, &record)?;
            let mut reply = object(json!({ "path": place.path.as_str(), "isValid": true }));
            reply.extend(identity(&record.metadata));
            Ok(reply)
        }
        FileQuery::Checksum(of) => {
            let bytes = Content::of(&of.content).bytes;
            Ok(object(
                json!({ "checksum": checksum(&bytes), "size": bytes.len() }),
            ))
        }
        FileQuery::List(list) => {
            let folder = list.path.as_deref().map(FilePath::parse).transpose()?;
            let below = folder.map(|folder| format!("{folder}/"));
            let files: Vec<&str> = state
                .paths()
                .into_iter()
                .filter(|path| below.as_ref().is_none_or(|below| path.starts_with(below)))
                .collect();
            Ok(object(json!({ "count": files.len(), "files": files })))
        }
    }
}

/// What identifies a content.
pub(super) fn identity(metadata: &FileMetadata) -> Map<String, Value> {
    object(json!({
        "checksum": metadata.checksum,
        "version": metadata.version,
        "size": metadata.size,
    }))
}

/// The fields of a JSON object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
