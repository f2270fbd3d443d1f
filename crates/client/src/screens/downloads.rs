//! Downloading files and removing them.

use waystation_model::Problem;

use super::course::{FilesOf, files_of};
use crate::app::App;
use crate::error::Result;
use crate::view_models::*;

impl App {
    pub(crate) async fn download_course(&self, arguments: ById) -> Result<Downloads, Problem> {
        let files = self.read(move |snapshot| files_of(snapshot, FilesOf::Course(&arguments.id))).await?;
        let downloads = self.unlocked()?.downloads.clone();
        downloads.want(files).await?;
        Ok(downloads.view().await?)
    }

    pub(crate) async fn download_topic(&self, arguments: ById) -> Result<Downloads, Problem> {
        let files = self.read(move |snapshot| files_of(snapshot, FilesOf::Topic(&arguments.id))).await?;
        let downloads = self.unlocked()?.downloads.clone();
        downloads.want(files).await?;
        Ok(downloads.view().await?)
    }

    pub(crate) async fn downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        Ok(self.unlocked()?.downloads.view().await?)
    }

    pub(crate) async fn pause_downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        let downloads = self.unlocked()?.downloads.clone();
        downloads.pause().await?;
        Ok(downloads.view().await?)
    }

    pub(crate) async fn resume_downloads(&self, _arguments: Nothing) -> Result<Downloads, Problem> {
        let downloads = self.unlocked()?.downloads.clone();
        downloads.resume().await?;
        Ok(downloads.view().await?)
    }

    pub(crate) async fn remove_downloads(&self, arguments: ById) -> Result<Downloads, Problem> {
        let hashes = self
            .read(move |snapshot| {
                let mut elsewhere = snapshot.connection.prepare_cached(
                    "SELECT EXISTS (SELECT i.id FROM content_items i JOIN media_assets m ON m.id = i.media_asset_id
                     WHERE m.sha256 = ?1 AND i.course_id <> ?2)",
                )?;
                let mut hashes = Vec::new();
                for file in files_of(snapshot, FilesOf::Course(&arguments.id))? {
                    if !elsewhere.query_row([&file.sha256, &arguments.id], |row| row.get::<_, bool>(0))? {
                        hashes.push(file.sha256);
                    }
                }
                Ok(hashes)
            })
            .await?;
        let downloads = self.unlocked()?.downloads.clone();
        downloads.remove(hashes).await?;
        Ok(downloads.view().await?)
    }
}
