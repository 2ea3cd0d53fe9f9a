use super::{
    failures::ToolResult,
    server::Server,
    task::{Artifact, Task, Timestamp},
    vocabulary::ArtifactType,
};
use crate::{
    domain::Failure,
    services::{FilePath, read_file, remove_file, write_file},
};

/// The folder of artifacts, within a working directory.
const FOLDER: &str = ".task_orchestrator/artifacts";
/// The largest artifact, in bytes.
pub const MAX_ARTIFACT: usize = 16 * 1024 * 1024;

impl Server {
    /// Writes what a task has left to a file, and notes it with the task, which is not stored yet.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub(super) fn add_artifact(
        &self,
        task: &mut Task,
        artifact_type: ArtifactType,
        content: &str,
        file_paths: Vec<String>,
        now: Timestamp,
    ) -> ToolResult<()> {
        // Whoever takes one away leaves a gap, so that no two have one name.
        let last = task.artifacts.last().map_or(0, |last| last.number);
        let number = last + 1;
        let id = format!("artifact_{}", self.draw(&task.task_id, number));
        let file = format!("{FOLDER}/{}_{id}.txt", task.task_id);
        let path = match task.working_directory.as_str() {
            "" => file,
            folder => format!("{folder}/{file}"),
        };
        let path = FilePath::parse(&path)?;
        write_file(&self.root()?, &path, content.as_bytes()).map_err(not_of_the_input)?;
        task.artifacts.push(Artifact {
            id: id.into(),
            number,
            artifact_type,
            path: path.as_str().to_owned(),
            size: content.len() as u64,
            file_paths,
            created_at: now,
        });
        Ok(())
    }

    /// Whether artifacts can be kept in a folder: no link leads out of the server's, and no file is in its place.
    ///
    /// # Errors
    ///
    /// `PATH_OUTSIDE_DIRECTORY`, `INVALID_PATH`.
    pub(super) fn check_folder(&self, folder: &FilePath) -> ToolResult<()> {
        let file = FilePath::parse(&format!("{}/{FOLDER}/artifact.txt", folder.as_str()))?;
        read_file(&self.root()?, &file).map(drop)
    }

    /// Removes the files of artifacts.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub(super) fn remove_artifacts(&self, artifacts: &[Artifact]) -> ToolResult<()> {
        let root = self.root()?;
        for artifact in artifacts {
            let path = FilePath::parse(&artifact.path)?;
            remove_file(&root, &path).map_err(not_of_the_input)?;
        }
        Ok(())
    }
}

/// A failure of a path that the server has chosen.
pub(super) fn not_of_the_input(mut failure: Box<Failure>) -> Box<Failure> {
    failure.field = None;
    failure
}
