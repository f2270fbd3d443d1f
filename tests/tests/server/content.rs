//! Files are served whole or by ranges, only to people who subscribe to the media, from either kind of store.

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::wire::Outcome as MutationOutcome;
use waystation_tests::Outcome;
use waystation_tests::caller::{Caller, code, put, read};
use waystation_tests::cluster::Cluster;
use waystation_tests::school::{Course, School};
use waystation_tests::server::LocalServer;
use waystation_tests::store::ObjectStore;

/// Larger than any buffer on the way, and no round number.
const SIZE: usize = 1_234_567;

fn file(seed: usize) -> Bytes {
    (0..SIZE).map(|index| u8::try_from((index * 31 + index / 251 + seed) % 256).unwrap_or(0)).collect()
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

struct Class {
    server: LocalServer,
    school: School,
    course: Course,
    bytes: Bytes,
    sha256: String,
}

/// A course with one film, stored by this server.
async fn class(server: LocalServer) -> Outcome<Class> {
    let mut school = School::create(server.database()).await?;
    let rauf = school.person("instructor", "rauf").await?;
    let aysel = school.person("learner", "aysel").await?;
    let course = school.course(Some(rauf), "published", 0).await?;
    school.enrol(aysel, &course).await?;
    let bytes = file(0);
    let sha256 = hash(&bytes);
    sync_server::content::store(server.server().app().files.as_ref(), &sha256, bytes.clone()).await?;
    let mut class = Class { server, school, course, bytes, sha256 };
    class.media(Some(class.course.id), "ready").await?;
    Ok(class)
}

async fn in_folder() -> Outcome<Class> {
    let database = Cluster::shared().await?.database().await?;
    class(LocalServer::start(&database).await?).await
}

impl Class {
    async fn media(&mut self, course: Option<Uuid>, status: &str) -> Outcome<Uuid> {
        let row = json!({"id": Uuid::now_v7(), "course_id": course, "title": "Film", "sha256": self.sha256, "size_bytes": SIZE, "media_type": "video/mp4", "status": status});
        self.school.insert("media_assets", row).await
    }

    async fn caller(&self, name: &str) -> Outcome<Caller> {
        Caller::sign_in(&self.server.url(), name).await
    }

    async fn get(&self, caller: &Caller, range: Option<&str>) -> Outcome<Response> {
        let mut request = caller.request(Method::GET, &format!("/v1/content/{}", self.sha256));
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        Ok(request.send().await?)
    }

    async fn compare_parts(&self) -> Outcome<()> {
        let aysel = self.caller("aysel").await?;
        let whole = self.get(&aysel, None).await?;
        assert_eq!((whole.status(), header(&whole, CONTENT_TYPE)), (StatusCode::OK, "video/mp4".to_owned()));
        assert_eq!((header(&whole, ETAG), header(&whole, CONTENT_LENGTH)), (format!("\"{}\"", self.sha256), SIZE.to_string()));
        assert_eq!(whole.bytes().await?, self.bytes);
        let last = SIZE - 1;
        let parts = [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=0-99999".to_owned(), 0..100_000),
            ("bytes=500000-700000".to_owned(), 500_000..700_001),
            (format!("bytes={last}-"), last..SIZE),
            ("bytes=1000000-".to_owned(), 1_000_000..SIZE),
            ("bytes=-1".to_owned(), last..SIZE),
            ("bytes=-300000".to_owned(), SIZE - 300_000..SIZE),
            (format!("bytes=0-{last}"), 0..SIZE),
            ("bytes=1000000-99999999".to_owned(), 1_000_000..SIZE),
            ("bytes=-99999999".to_owned(), 0..SIZE),
        ];
        for (range, wanted) in parts {
            let part = self.get(&aysel, Some(&range)).await?;
            assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
            assert_eq!(header(&part, CONTENT_RANGE), format!("bytes {}-{}/{SIZE}", wanted.start, wanted.end - 1), "{range}");
            assert_eq!(header(&part, CONTENT_LENGTH), wanted.len().to_string());
            assert_eq!(part.bytes().await?, self.bytes[wanted], "{range}");
        }
        for range in [format!("bytes={SIZE}-"), format!("bytes={SIZE}-{}", SIZE + 5), "bytes=99999999-".to_owned()] {
            let beyond = self.get(&aysel, Some(&range)).await?;
            assert_eq!(
                (beyond.status(), header(&beyond, CONTENT_RANGE)),
                (StatusCode::RANGE_NOT_SATISFIABLE, format!("bytes */{SIZE}")),
                "{range}"
            );
        }
        Ok(())
    }
}

fn header(answer: &Response, name: reqwest::header::HeaderName) -> String {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned()
}

async fn refused(answer: Response) -> Outcome<Code> {
    Ok(code(read::<Value>(answer).await?))
}

#[tokio::test]
async fn a_file_in_a_folder_is_served_whole_and_by_ranges() -> Outcome<()> {
    in_folder().await?.compare_parts().await
}

#[tokio::test]
async fn a_file_in_an_object_store_is_served_whole_and_by_ranges() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let store = ObjectStore::start(folder.path()).await?;
    let database = Cluster::shared().await?.database().await?;
    let class = class(LocalServer::start_with_files(&database, store.settings()).await?).await?;
    class.compare_parts().await?;
    // Storing it again is no fault, and a file that the store has lost is reported missing.
    let files = &class.server.server().app().files;
    sync_server::content::store(files.as_ref(), &class.sha256, class.bytes.clone()).await?;
    let aysel = class.caller("aysel").await?;
    std::fs::remove_file(store.folder().join(sync_server::content::object_key(&class.sha256).as_ref()))?;
    assert_eq!(refused(class.get(&aysel, None).await?).await?, Code::NotFound);
    // An unreachable store does not mean that the file does not exist.
    drop(store);
    folder.close()?;
    let code = refused(class.get(&aysel, None).await?).await?;
    assert!(code.retryable(), "{code:?}");
    Ok(())
}

#[tokio::test]
async fn files_of_a_course_require_a_subscription_to_it() -> Outcome<()> {
    let mut class = in_folder().await?;
    class.school.person("learner", "murad").await?;
    class.school.person("instructor", "nigar").await?;
    class.school.person("admin", "vusal").await?;
    let mut other = School::create(class.server.database()).await?;
    other.person("admin", "stranger").await?;
    for name in ["murad", "nigar", "stranger"] {
        let caller = class.caller(name).await?;
        assert_eq!(refused(class.get(&caller, None).await?).await?, Code::NotFound, "{name}");
        assert_eq!(refused(class.get(&caller, Some("bytes=0-1")).await?).await?, Code::NotFound, "{name}");
    }
    class.school.run("UPDATE courses SET status = 'draft'").await?;
    for (name, status) in [("aysel", StatusCode::NOT_FOUND), ("rauf", StatusCode::OK), ("vusal", StatusCode::OK)] {
        assert_eq!(class.get(&class.caller(name).await?, None).await?.status(), status, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn naming_anothers_file_gives_no_access_to_it() -> Outcome<()> {
    let mut class = in_folder().await?;
    let nigar = class.school.person("instructor", "nigar").await?;
    let own = class.school.course(Some(nigar), "published", 0).await?;
    let mut nigar = class.caller("nigar").await?;
    let named = put("media_assets")
        .id(Uuid::now_v7())
        .link("course_id", own.id)
        .set("title", "Theirs")
        .set("sha256", class.sha256.clone())
        .set("size_bytes", SIZE);
    assert_eq!(nigar.push_one(named).await?, MutationOutcome::Applied);
    assert_eq!(refused(class.get(&nigar, None).await?).await?, Code::NotFound, "the server has not seen that file from them");
    class.media(Some(own.id), "ready").await?;
    assert_eq!(class.get(&nigar, None).await?.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn files_outside_every_course_are_served_to_staff_only() -> Outcome<()> {
    let mut class = in_folder().await?;
    class.school.run("DELETE FROM media_assets").await?;
    class.media(None, "ready").await?;
    class.school.person("teacher", "sabina").await?;
    assert_eq!(class.get(&class.caller("sabina").await?, None).await?.status(), StatusCode::OK);
    assert_eq!(refused(class.get(&class.caller("aysel").await?, None).await?).await?, Code::NotFound);
    Ok(())
}

#[tokio::test]
async fn names_that_are_no_hash_are_not_found() -> Outcome<()> {
    let class = in_folder().await?;
    let aysel = class.caller("aysel").await?;
    std::fs::write(class.server.content().join("secret"), "secret")?;
    let names = [
        "..%2f..%2fetc%2fpasswd".to_owned(),
        "..%2fsecret".to_owned(),
        "%2fetc%2fpasswd".to_owned(),
        "secret".to_owned(),
        "%00".to_owned(),
        "%ff".repeat(64),
        "é".repeat(32),
        class.sha256.to_uppercase(),
        class.sha256[1..].to_owned(),
        format!("{}0", class.sha256),
        format!("{}%2f", &class.sha256[1..]),
        hash(b"never stored"),
    ];
    for name in names {
        let answer = aysel.request(Method::GET, &format!("/v1/content/{name}")).send().await?;
        assert_eq!(refused(answer).await?, Code::NotFound, "{name}");
    }
    for path in ["/v1/content/", "/v1/content/a/b"] {
        assert_eq!(refused(aysel.request(Method::GET, path).send().await?).await?, Code::NoSuchRoute, "{path}");
    }
    Ok(())
}
