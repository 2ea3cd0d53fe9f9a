use std::{fs, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    artifacts::not_of_the_input,
    failures::{SESSION_NOT_FOUND, ToolResult, refused},
    input::{check_id, check_size},
    server::{Server, Work},
    session::{Session, SessionView},
    tables::Stored,
    task::Timestamp,
    vocabulary::CleanupType,
};
use crate::{
    domain::{code, did_you_mean},
    services::{FilePath, read_file, remove_file, write_file},
};

/// Where sessions are kept, a file each.
const FOLDER: &str = ".rehearsal/sessions";
const ENDING: &str = ".json";

/// The input of `initialize_session`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InitializeSession {
    /// Within the server's directory; that itself unless given.
    #[serde(default)]
    pub working_directory: Option<String>,
}

/// The input of `resume_session` and `session_status`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionId {
    pub session_id: String,
}

/// The input of `list_sessions`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListSessions {
    /// Also those whose tasks have all ended.
    #[serde(default)]
    pub include_completed: bool,
    #[serde(default = "ten")]
    pub limit: usize,
}

fn ten() -> usize {
    10
}

/// The input of `cleanup_sessions`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CleanupSessions {
    #[serde(default)]
    pub cleanup_type: CleanupType,
    #[serde(default = "week")]
    pub older_than_days: u32,
    /// Whether it only says what it would remove.
    #[serde(default = "super::input::yes")]
    pub dry_run: bool,
}

fn week() -> u32 {
    7
}

/// The reply of `initialize_session`, `resume_session` and `session_status`.
#[derive(Clone, Debug, Serialize)]
pub struct SessionReply {
    pub success: bool,
    pub message: String,
    #[serde(flatten)]
    pub session: SessionView,
    pub timestamp: Timestamp,
}

/// The reply of `list_sessions`.
#[derive(Clone, Debug, Serialize)]
pub struct SessionList {
    /// The newest first.
    pub sessions: Vec<SessionView>,
    pub total_count: usize,
    pub has_more: bool,
    pub timestamp: Timestamp,
}

/// The reply of `cleanup_sessions`.
#[derive(Clone, Debug, Serialize)]
pub struct Cleanup {
    pub success: bool,
    pub dry_run: bool,
    pub cleanup_type: CleanupType,
    /// Those that were removed, or would be.
    pub sessions: Vec<Arc<str>>,
    pub removed_count: usize,
    pub timestamp: Timestamp,
}

/// A file of a session: what it holds, or nothing if that is not a session.
struct SessionFile {
    id: Arc<str>,
    session: Option<Session>,
}

impl Server {
    /// Begins a session of a client.
    ///
    /// # Errors
    ///
    /// `PATH_OUTSIDE_DIRECTORY` if its directory would lead out of the server's.
    pub fn initialize_session(
        &self,
        client: &Arc<str>,
        input: &InitializeSession,
    ) -> ToolResult<SessionReply> {
        const FIELD: &str = "working_directory";
        let working_directory = match input.working_directory.as_deref() {
            None | Some("." | "") => String::new(),
            Some(path) => {
                check_size(FIELD, path.len(), 4096)?;
                let parsed = FilePath::parse(path.trim_end_matches('/'));
                let path = parsed.map_err(|failure| Box::new(failure.field(FIELD)))?;
                self.check_folder(&path)
                    .map_err(|failure| Box::new(failure.field(FIELD)))?;
                path.as_str().to_owned()
            }
        };
        let now = self.now();
        let session = {
            // Until its file is there, so that no two have one id.
            let mut current = self.current.lock();
            let session = Session {
                session_id: self.draw_session_id(now)?,
                working_directory,
                client: Arc::clone(client),
                created_at: now,
                resumed_at: None,
            };
            self.save(&session)?;
            current.insert(Arc::clone(client), session.clone());
            session
        };
        let message = format!("session {} has begun", session.session_id);
        self.reply(session, message)
    }

    /// Lets a client work in a session that was begun before.
    ///
    /// # Errors
    ///
    /// `SESSION_NOT_FOUND`.
    pub fn resume_session(&self, client: &Arc<str>, input: &SessionId) -> ToolResult<SessionReply> {
        let mut session = self.session(&input.session_id)?;
        session.resumed_at = Some(self.now());
        self.save(&session)?;
        let message = format!("session {} is resumed", session.session_id);
        self.current
            .lock()
            .insert(Arc::clone(client), session.clone());
        self.reply(session, message)
    }

    /// How a session is.
    ///
    /// # Errors
    ///
    /// `SESSION_NOT_FOUND`.
    pub fn session_status(&self, input: &SessionId) -> ToolResult<SessionReply> {
        let session = self.session(&input.session_id)?;
        let message = format!("session {}", session.session_id);
        self.reply(session, message)
    }

    /// All sessions.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub fn list_sessions(&self, input: &ListSessions) -> ToolResult<SessionList> {
        let mut sessions = self.views()?;
        if !input.include_completed {
            sessions.retain(|session| !session.is_completed());
        }
        let total = sessions.len();
        sessions.truncate(input.limit);
        Ok(SessionList {
            has_more: sessions.len() < total,
            sessions,
            total_count: total,
            timestamp: self.now(),
        })
    }

    /// Removes sessions; their tasks stay.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub fn cleanup_sessions(&self, input: &CleanupSessions) -> ToolResult<Cleanup> {
        let now = self.now();
        let age = Duration::from_secs(u64::from(input.older_than_days) * 24 * 60 * 60);
        let is_old = |session: &SessionView| {
            let last = session.last_activity.map(|last| now.0 - last.0);
            last.is_some_and(|since| since.to_std().is_ok_and(|since| since >= age))
        };
        let wanted = |session: &SessionView| match input.cleanup_type {
            CleanupType::Completed => session.is_completed() && is_old(session),
            CleanupType::Orphaned => session.is_orphaned(),
            CleanupType::Old => is_old(session),
            CleanupType::All => session.is_completed() || session.is_orphaned() || is_old(session),
        };
        let views = self.views()?.into_iter();
        let unwanted = views.filter(|session| session.status != "active" && wanted(session));
        let sessions: Vec<_> = unwanted.map(|session| session.session_id).collect();
        if !input.dry_run {
            let root = self.root()?;
            for session in &sessions {
                remove_file(&root, &path_of(session)?).map_err(not_of_the_input)?;
            }
        }
        Ok(Cleanup {
            success: true,
            dry_run: input.dry_run,
            cleanup_type: input.cleanup_type,
            removed_count: match input.dry_run {
                true => 0,
                false => sessions.len(),
            },
            sessions,
            timestamp: now,
        })
    }

    fn draw_session_id(&self, now: Timestamp) -> ToolResult<Arc<str>> {
        let files = self.session_files()?;
        let mut number = files.len() as u64;
        loop {
            let drawn = self.draw("session", number);
            let id = format!("session_{drawn}_{}", now.0.timestamp());
            if files.iter().all(|file| *file.id != *id) {
                return Ok(id.into());
            }
            number += 1;
        }
    }

    fn save(&self, session: &Session) -> ToolResult<()> {
        let text = serde_json::to_vec_pretty(session);
        let text = text
            .map_err(|error| refused(code::VALIDATION_FAILED, "session_id", error.to_string()))?;
        let path = path_of(&session.session_id)?;
        write_file(&self.root()?, &path, &text).map_err(not_of_the_input)
    }

    fn session(&self, id: &str) -> ToolResult<Session> {
        const FIELD: &str = "session_id";
        check_id(FIELD, id)?;
        let files = self.session_files()?;
        let ids = files.iter().map(|file| &*file.id);
        let hint = did_you_mean(id, ids);
        match files.into_iter().find(|file| *file.id == *id) {
            Some(SessionFile {
                session: Some(session),
                ..
            }) => Ok(session),
            Some(_) => {
                let message = format!("session {id:?} is corrupted: clean it up");
                Err(refused(SESSION_NOT_FOUND, FIELD, message))
            }
            None => {
                let message = format!("session {id:?} does not exist: {hint}");
                Err(refused(SESSION_NOT_FOUND, FIELD, message))
            }
        }
    }

    /// All files of sessions, by name.
    fn session_files(&self) -> ToolResult<Vec<SessionFile>> {
        let root = self.root()?;
        let folder = fs::read_dir(root.join(FOLDER));
        // Without sessions, there is no folder.
        let entries = folder.into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut ids: Vec<Arc<str>> = names
            .filter_map(|name| Some(name.strip_suffix(ENDING)?.into()))
            .collect();
        ids.sort();
        let files = ids.into_iter().map(|id| {
            let bytes = read_file(&root, &path_of(&id)?).map_err(not_of_the_input)?;
            let session = serde_json::from_slice(&bytes.unwrap_or_default()).ok();
            Ok(SessionFile {
                session: session.filter(|session: &Session| session.session_id == id),
                id,
            })
        });
        files.collect()
    }

    fn views(&self) -> ToolResult<Vec<SessionView>> {
        let files = self.session_files()?;
        self.transact(|work| {
            let views = files.into_iter().map(|file| match file.session {
                Some(session) => self.view(work, session),
                None => Ok(SessionView::corrupted(file.id)),
            });
            let mut views = views.collect::<Stored<Vec<_>>>()?;
            views.sort_by_key(|session| std::cmp::Reverse(session.created_at));
            Ok(views)
        })
    }

    fn reply(&self, session: Session, message: String) -> ToolResult<SessionReply> {
        self.transact(|work| {
            Ok(SessionReply {
                success: true,
                message,
                session: self.view(work, session)?,
                timestamp: work.now,
            })
        })
    }

    fn view(&self, work: &Work<'_>, session: Session) -> Stored<SessionView> {
        let tasks = work.tables.of_session(&session.session_id)?;
        let current = self.current.lock();
        let is_active = current
            .values()
            .any(|own| own.session_id == session.session_id);
        let begun = session.resumed_at.unwrap_or(session.created_at);
        let last = tasks.iter().map(|task| task.updated_at).max();
        Ok(SessionView {
            session_id: session.session_id,
            status: if is_active { "active" } else { "inactive" },
            health: if is_active { "healthy" } else { "inactive" },
            working_directory: Some(session.working_directory),
            created_at: Some(session.created_at),
            last_activity: Some(last.map_or(begun, |last| last.max(begun))),
            task_count: tasks.len(),
            open_task_count: tasks.iter().filter(|task| !task.status.is_end()).count(),
            completed_task_count: tasks.iter().filter(|task| task.is_completed()).count(),
        })
    }
}

fn path_of(session: &str) -> ToolResult<FilePath> {
    FilePath::parse(&format!("{FOLDER}/{session}{ENDING}"))
}
