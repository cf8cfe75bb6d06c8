use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use gridwell_api::{ApiError, Picture, PictureRequest};

use crate::{
    reply::{Asked, Refusal},
    routes::Inside,
};

/// How long a page may show a picture without asking again, in seconds: scrolling back and forth asks once, and a frame
/// that was rendered again is seen soon. Asking again costs no picture when it is the same.
const KEEP_SECS: u32 = 10;

/// A small picture of a result or of a file, made anew.
#[utoipa::path(get, path = "/v1/picture",
    params(("target" = Option<String>, Query, description = "JOB: its newest picture; JOB.INDEX or JOB.STEP.INDEX: that task's first one"),
           ("path" = Option<String>, Query, description = "absolute path of a picture, film or scene, instead of a target"),
           ("file" = Option<String>, Query, description = "path of a picture or scene in the tree, instead of a target; only what it takes is read"),
           ("size" = Option<u32>, Query, description = "longest side in pixels, rounded up to 64, 160, 320, 640 or 1280")),
    responses((status = 200, content((Vec<u8> = "image/webp"), (Vec<u8> = "image/jpeg"))),
              (status = 304, description = "the picture that If-None-Match names"),
              (status = "default", body = ApiError)))]
pub(crate) async fn picture(
    State(inside): State<Inside>,
    Asked(request): Asked<PictureRequest>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Picture { mime, bytes } = inside.backend.picture(request).await?;
    let tag = format!("\"{}\"", &blake3::hash(&bytes).to_hex()[..32]);
    let same = headers.get_all(header::IF_NONE_MATCH).iter().any(|named| names(named.as_bytes(), &tag));
    let kept = [
        (header::CACHE_CONTROL, format!("private, max-age={KEEP_SECS}")),
        (header::ETAG, tag),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    if same {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(header::CONTENT_TYPE, mime)], Body::from(bytes)).into_response())
}

/// True if the list of tags has `tag`; weak ones name the same bytes here. Source: RFC 9110, section 13.1.2.
fn names(list: &[u8], tag: &str) -> bool {
    let words = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    words.map(|word| word.strip_prefix(b"W/").unwrap_or(word)).any(|word| word == b"*" || word == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_every_form_of_the_list() {
        for list in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\" ", "*"] {
            assert!(names(list.as_bytes(), "\"a\""), "{list}");
        }
        for list in ["", "a", "\"ab\"", "\"b\""] {
            assert!(!names(list.as_bytes(), "\"a\""), "{list}");
        }
    }
}
