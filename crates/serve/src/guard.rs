use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use gridwell_api::{ApiError, ErrorCode};

use crate::reply::Refusal;

/// What loopback TCP asks of everybody: the token, a loopback `Host`, and no foreign web page.
pub(crate) async fn guard(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    match check(request.headers(), &token) {
        Ok(()) => next.run(request).await,
        Err(error) => Refusal(error).into_response(),
    }
}

fn check(headers: &HeaderMap, token: &str) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    // A web page that made its own name point here (DNS rebinding) still sends that name.
    if !is_loopback(host) {
        return Err(ApiError::new(ErrorCode::Forbidden, format!("the door does not answer to the name '{host}'")));
    }
    // Only a browser sends an origin; no page but the door's own may ask.
    if headers.contains_key(header::ORIGIN) && text(header::ORIGIN) != Some(&format!("http://{host}")) {
        return Err(ApiError::new(ErrorCode::Forbidden, "the door does not answer to other web pages"));
    }
    let shown = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    // Comparing hashes takes equally long wherever the first difference lies.
    if shown.is_some_and(|shown| blake3::hash(shown.as_bytes()) == blake3::hash(token.as_bytes())) {
        Ok(())
    } else {
        Err(ApiError::new(ErrorCode::Unauthorised, "the token is missing or wrong")
            .help("Send 'Authorization: Bearer TOKEN'; the token lies in the data folder."))
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("localhost" | "127.0.0.1" | "::1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(pairs: &[(&'static str, &'static str)]) -> Option<ErrorCode> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        check(&headers, "secret").err().map(|error| error.code)
    }

    #[test]
    fn only_the_token_from_a_loopback_name_opens() {
        const TOKEN: (&str, &str) = ("authorization", "Bearer secret");
        assert_eq!(code(&[("host", "127.0.0.1:4000"), TOKEN]), None);
        assert_eq!(code(&[("host", "[::1]:4000"), TOKEN]), None);
        assert_eq!(code(&[("host", "localhost:4000"), ("origin", "http://localhost:4000"), TOKEN]), None);
        assert_eq!(code(&[("host", "localhost")]), Some(ErrorCode::Unauthorised));
        assert_eq!(code(&[("host", "localhost"), ("authorization", "Bearer secre")]), Some(ErrorCode::Unauthorised));
        assert_eq!(code(&[("host", "localhost"), ("authorization", "Basic secret")]), Some(ErrorCode::Unauthorised));
        assert_eq!(code(&[("host", "evil.example"), TOKEN]), Some(ErrorCode::Forbidden));
        assert_eq!(code(&[("host", "localhost.evil.example"), TOKEN]), Some(ErrorCode::Forbidden));
        assert_eq!(code(&[TOKEN]), Some(ErrorCode::Forbidden));
        assert_eq!(
            code(&[("host", "localhost:4000"), ("origin", "http://evil.example"), TOKEN]),
            Some(ErrorCode::Forbidden)
        );
    }
}
