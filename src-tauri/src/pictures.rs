//! Pictures for the page, under an address of their own: `gwthumb://localhost/{"target":"JOB.0.7","size":160}`.

use gridwell_api::{ApiError, ErrorCode, PictureRequest};
use tauri::{
    AppHandle, Manager as _, UriSchemeResponder,
    http::{Response, StatusCode, header},
};

use crate::house::House;

/// The page may keep a picture this long without asking again, in seconds: results rarely change.
const KEEP_SECS: u32 = 60;

/// Answers one address; the work is done beside the web view's thread.
pub(crate) fn answer(app: &AppHandle, path: &str, responder: UriSchemeResponder) {
    let wanted = wanted(path);
    let client = app.state::<House>().client().clone();
    tauri::async_runtime::spawn(async move {
        let made = match wanted {
            Ok(request) => client.picture(&request).await,
            Err(error) => Err(error),
        };
        let response = match made {
            Ok(picture) => Response::builder()
                .header(header::CONTENT_TYPE, picture.mime)
                .header(header::CACHE_CONTROL, format!("private, max-age={KEEP_SECS}"))
                .body(picture.bytes),
            Err(error) => Response::builder()
                .status(StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::NOT_FOUND))
                .body(Vec::new()),
        };
        responder.respond(response.unwrap_or_default());
    });
}

fn wanted(path: &str) -> Result<PictureRequest, ApiError> {
    let refuse = |why: String| ApiError::new(ErrorCode::BadRequest, format!("not a picture's address: {why}"));
    let text = percent_encoding::percent_decode_str(path.trim_start_matches('/'));
    let text = text.decode_utf8().map_err(|error| refuse(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_task_or_a_file() {
        let request = wanted("/%7B%22target%22%3A%22ab.0.7%22%2C%22size%22%3A160%7D").unwrap();
        assert_eq!((request.target.as_deref(), request.size), (Some("ab.0.7"), 160));
        let request = wanted("/%7B%22path%22%3A%22%2F%C3%BC.png%22%7D").unwrap();
        assert_eq!(request.path.as_deref(), Some("/ü.png"));
        assert!(wanted("/../../etc/passwd").is_err());
    }
}
