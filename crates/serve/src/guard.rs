use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Uri, header, uri::PathAndQuery},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use data_encoding::BASE64;
use gridwell_api::{ApiError, ErrorCode};

use crate::{dav, reply::Refusal, secret::Known, window::Window};

/// One half of a browser's session; its other half is a cookie.
const KEY_HEADER: &str = "x-gridwell-key";
/// The same in an address, where a page cannot set headers: pictures and WebSockets.
const KEY_QUERY: &str = "key=";

/// What loopback TCP asks of everybody. Every user of the machine reaches it, and every web page in a browser here.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The token in the data folder: whoever reads it is the owner.
    pub(crate) token: Known,
    /// Sessions that also let in, at the window's own address.
    pub(crate) window: Option<Window>,
}

impl Guard {
    /// Puts this guard before a door.
    pub(crate) fn around(self, door: Router) -> Router {
        door.layer(middleware::from_fn_with_state(Arc::new(self), guard)).layer(middleware::from_fn(loopback_only))
    }
}

/// Lets in whoever shows the owner's token, or a session from the window's own page.
async fn guard(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let key = take_key(&mut request);
    let is_dav = is_dav(&request);
    match check(&guard, &request, &key) {
        Ok(()) => next.run(request).await,
        // File managers send a password only if they are asked for one.
        Err(error) if is_dav && error.code == ErrorCode::Unauthorised => {
            ([(header::WWW_AUTHENTICATE, "Basic realm=\"Gridwell\"")], Refusal(error)).into_response()
        }
        Err(error) => Refusal(error).into_response(),
    }
}

/// Answers only to loopback names: a web page that made its own name point here (DNS rebinding) still sends that name.
pub(crate) async fn loopback_only(request: Request, next: Next) -> Response {
    let host = text(request.headers(), header::HOST).unwrap_or_default();
    if is_loopback(host) {
        return next.run(request).await;
    }
    Refusal(ApiError::new(ErrorCode::Forbidden, format!("the door does not answer to the name '{host}'")))
        .into_response()
}

/// Lets in only what comes from a page of this very address, which browsers say and do not let pages choose.
pub(crate) async fn own_page_only(request: Request, next: Next) -> Response {
    match foreign_page(request.headers()).and_then(|()| named_page(request.headers())) {
        Ok(()) => next.run(request).await,
        Err(error) => Refusal(error).into_response(),
    }
}

fn check(guard: &Guard, request: &Request, key: &str) -> Result<(), ApiError> {
    let headers = request.headers();
    foreign_page(headers)?;
    let shown = text(headers, header::AUTHORIZATION);
    if shown.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| guard.token.is(token)) {
        return Ok(());
    }
    // Browsers send a password again by themselves, so it opens only what nobody changes anything with.
    if is_dav(request) && shown.and_then(password).is_some_and(|token| guard.token.is(&token)) {
        return Ok(());
    }
    if !guard.window.as_ref().is_some_and(|window| window.admits(request, key)) {
        let help = match guard.window {
            Some(_) => "Open the address that 'gridwell ui' prints.",
            None => "Send 'Authorization: Bearer TOKEN'; the token lies in the data folder.",
        };
        return Err(ApiError::new(ErrorCode::Unauthorised, "the token is missing or wrong").help(help));
    }
    // Reading is safe without: what a page of another address is answered, browsers keep from it.
    let changes = !request.method().is_safe() || headers.contains_key(header::UPGRADE);
    if changes { named_page(headers) } else { Ok(()) }
}

fn is_dav(request: &Request) -> bool {
    request.uri().path().strip_prefix(dav::ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The password of `Basic` credentials, whoever's they are said to be. Source: RFC 7617.
fn password(credentials: &str) -> Option<String> {
    let bytes = BASE64.decode(credentials.strip_prefix("Basic ")?.as_bytes()).ok()?;
    String::from_utf8(bytes).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

/// Refuses what a browser sends for a page of another address.
fn foreign_page(headers: &HeaderMap) -> Result<(), ApiError> {
    let own = text(headers, header::HOST).map(|host| format!("http://{host}"));
    let origin_is_foreign = headers.contains_key(header::ORIGIN) && text(headers, header::ORIGIN) != own.as_deref();
    let site = text(headers, HeaderName::from_static("sec-fetch-site"));
    if origin_is_foreign || site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(ApiError::new(ErrorCode::Forbidden, "the door does not answer to other web pages"));
    }
    Ok(())
}

fn named_page(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::Forbidden, "a browser says from which page a request comes; this one does not"))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("localhost" | "127.0.0.1" | "::1"))
}

/// Takes the key out of the request, so that nobody behind the guard meets it.
fn take_key(request: &mut Request) -> String {
    let headers = request.headers_mut();
    let in_header = headers.remove(KEY_HEADER).and_then(|value| value.to_str().map(str::to_owned).ok());
    let query = request.uri().query().unwrap_or_default();
    let Some(in_query) = query.split('&').find_map(|pair| pair.strip_prefix(KEY_QUERY)).map(str::to_owned) else {
        return in_header.unwrap_or_default();
    };
    let rest: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with(KEY_QUERY)).collect();
    if let Some(uri) = with_query(request.uri(), &rest.join("&")) {
        *request.uri_mut() = uri;
    }
    in_header.unwrap_or(in_query)
}

fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let mark = if query.is_empty() { "" } else { "?" };
    parts.path_and_query = Some(format!("{}{mark}{query}", uri.path()).parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const HOST: (&str, &str) = ("host", "127.0.0.1:4000");
    const TOKEN: (&str, &str) = ("authorization", "Bearer secret");
    const ORIGIN: (&str, &str) = ("origin", "http://127.0.0.1:4000");

    fn request(method: &str, path: &str, pairs: &[(&str, &str)]) -> Request {
        let builder = pairs
            .iter()
            .fold(Request::builder().method(method).uri(path), |all, (name, value)| all.header(*name, *value));
        builder.body(Body::empty()).unwrap()
    }

    fn code(guard: &Guard, mut request: Request) -> Option<ErrorCode> {
        let key = take_key(&mut request);
        check(guard, &request, &key).err().map(|error| error.code)
    }

    #[test]
    fn only_the_owners_token_opens_and_no_foreign_page() {
        let guard = Guard { token: Known::of("secret"), window: None };
        let code = |pairs: &[(&str, &str)]| code(&guard, request("GET", "/", pairs));
        assert_eq!(code(&[HOST, TOKEN]), None);
        assert_eq!(code(&[HOST, TOKEN, ORIGIN]), None);
        assert_eq!(code(&[HOST]), Some(ErrorCode::Unauthorised));
        assert_eq!(code(&[HOST, ("authorization", "Bearer secre")]), Some(ErrorCode::Unauthorised));
        assert_eq!(code(&[HOST, ("authorization", "Basic secret")]), Some(ErrorCode::Unauthorised));
        assert_eq!(code(&[HOST, TOKEN, ("origin", "http://evil.example")]), Some(ErrorCode::Forbidden));
        assert_eq!(code(&[HOST, TOKEN, ("origin", "http://127.0.0.1:4001")]), Some(ErrorCode::Forbidden));
        assert_eq!(code(&[HOST, TOKEN, ("sec-fetch-site", "same-site")]), Some(ErrorCode::Forbidden));
    }

    #[test]
    fn a_password_opens_the_view_that_is_only_read_and_nothing_else() {
        let guard = Guard { token: Known::of("secret"), window: None };
        let shown = |password: &str| format!("Basic {}", BASE64.encode(format!("ana:{password}").as_bytes()));
        let code = |path: &str, shown: &str| code(&guard, request("GET", path, &[HOST, ("authorization", shown)]));
        for path in ["/v1/dav", "/v1/dav/", "/v1/dav/mill/a"] {
            assert_eq!(code(path, &shown("secret")), None, "{path}");
            for wrong in [shown("secre").as_str(), "Basic secret", "Basic", &BASE64.encode(b"ana:secret")] {
                assert_eq!(code(path, wrong), Some(ErrorCode::Unauthorised), "{path} {wrong}");
            }
        }
        for path in ["/v1/status", "/v1/davs", "/v1/tree/v1/dav/", "/"] {
            assert_eq!(code(path, &shown("secret")), Some(ErrorCode::Unauthorised), "{path}");
        }
    }

    #[test]
    fn a_session_opens_from_its_own_page() {
        let token = Known::of("secret");
        let window = Window::new(([127, 0, 0, 1], 4000).into(), &token);
        let url = window.url().unwrap().url;
        let opened = window.open(url.split_once("#token=").unwrap().1).unwrap();
        let guard = Guard { token, window: Some(window) };
        let cookie = format!("other=1; gridwell-4000={}", opened.cookie);
        let (cookie, key) = (("cookie", cookie.as_str()), ("x-gridwell-key", opened.key.as_str()));
        assert_eq!(code(&guard, request("GET", "/", &[HOST, cookie, key])), None);
        assert_eq!(code(&guard, request("POST", "/", &[HOST, cookie, key, ORIGIN])), None);
        assert_eq!(code(&guard, request("POST", "/", &[HOST, cookie, key])), Some(ErrorCode::Forbidden));
        let upgrade = ("upgrade", "websocket");
        assert_eq!(code(&guard, request("GET", "/", &[HOST, cookie, key, upgrade])), Some(ErrorCode::Forbidden));
        assert_eq!(code(&guard, request("GET", "/", &[HOST, cookie])), Some(ErrorCode::Unauthorised));
        assert_eq!(code(&guard, request("GET", "/", &[HOST, key])), Some(ErrorCode::Unauthorised));
    }

    #[test]
    fn the_key_is_taken_out_of_the_address() {
        let mut asked = request("GET", "/v1/picture?path=%2Fa&key=k&size=3", &[]);
        assert_eq!(take_key(&mut asked), "k");
        assert_eq!(asked.uri(), "/v1/picture?path=%2Fa&size=3");
        let mut asked = request("GET", "/v1/events?key=k", &[]);
        assert_eq!(take_key(&mut asked), "k");
        assert_eq!(asked.uri(), "/v1/events");
    }

    #[test]
    fn only_loopback_names_are_answered() {
        for name in ["127.0.0.1:4000", "[::1]:4000", "localhost:4000", "localhost"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80"] {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
