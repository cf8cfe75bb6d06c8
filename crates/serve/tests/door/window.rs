use std::net::SocketAddr;

use gridwell_api::{ErrorCode, Request};
use gridwell_serve::{DataFolder, Door, Entrances, TOKEN_FILE, WindowEntrance};

use crate::support::{FakeNode, House};

#[tokio::test]
async fn a_token_opens_one_session_and_the_session_the_door() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    assert_eq!(browser.open(&browser.token).await.status, "401", "the token was used");

    assert_eq!(browser.get("/v1/machines").await.status, "200");
    assert_eq!(browser.post("/v1/invites", "{}").await.status, "200");
    assert_eq!(browser.get("/v1/jobs/abcd/tasks?limit=3").await.status, "200");
    assert_eq!(browser.get("/v1/jobs/abcd.0.0/logs?format=lines").await.status, "200");
    assert_eq!(house.node.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn pages_ask_for_nothing_and_are_kept_apart_from_others() {
    let house = House::open().await;
    let browser = Browser::stranger(&house);
    for path in ["/", "/index.html"] {
        let page = browser.get(path).await;
        assert_eq!((page.status.as_str(), page.header("content-type")), ("200", "text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").contains("script-src 'self';"));
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "private, no-cache");
        let again = browser.send("GET", path, &[("if-none-match", page.header("etag"))], "").await;
        assert_eq!((again.status.as_str(), again.body.as_str()), ("304", ""));
    }
    let script = browser.get("/assets/index-4f3a.js").await;
    assert!(script.header("cache-control").contains("immutable") && script.body == "export {};");
    assert_eq!(browser.send("POST", "/", &[], "").await.status, "405");
}

#[tokio::test]
async fn no_path_leads_out_of_the_window() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    for path in [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/assets/../../token",
        "/%2e%2e/token",
        "/assets",
        "/assets/",
        "//etc/passwd",
        "/token",
        "/node.sock",
        "/index.html%00.js",
        "/v1/../token",
    ] {
        let answer = browser.get(path).await;
        assert!(["404", "400"].contains(&answer.status.as_str()), "{path} gave {}", answer.status);
        assert!(answer.body.contains("\"code\""), "{path} gave {}", answer.body);
    }
}

#[tokio::test]
async fn without_both_halves_of_a_session_nothing_reaches_the_node() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    let other = Browser::at(&house).await;
    let strangers = [
        Browser { cookie: String::new(), ..browser.clone() },
        Browser { key: String::new(), ..browser.clone() },
        Browser { key: other.key, ..browser.clone() },
        Browser { cookie: browser.cookie.replace("gridwell-", "other-"), ..browser.clone() },
        Browser { cookie: format!("{}0", browser.cookie), ..browser.clone() },
    ];
    for stranger in strangers {
        let answer = stranger.get("/v1/machines").await;
        assert_eq!(answer.status, "401", "{stranger:?}");
        assert!(answer.body.contains("gridwell ui"), "it says what to do: {}", answer.body);
        assert_eq!(stranger.post("/v1/invites", "{}").await.status, "401", "{stranger:?}");
    }
    assert!(house.node.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn other_pages_and_other_names_are_refused_even_with_a_session() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    let own = format!("http://{}", browser.address);
    let port = browser.address.port();
    let host = browser.address.to_string();
    let (longer, secure) = (format!("127.0.0.1.evil.example:{port}"), format!("https://{host}"));
    let cases: [&[(&str, &str)]; 8] = [
        &[("host", "evil.example"), ("origin", &own)],
        &[("host", &longer), ("origin", &own)],
        &[("host", &host), ("origin", "http://evil.example")],
        &[("host", &host), ("origin", "null")],
        &[("host", &host), ("origin", "http://127.0.0.1:1")],
        &[("host", &host), ("origin", &secure)],
        &[("host", &host), ("origin", &own), ("sec-fetch-site", "cross-site")],
        &[("host", &host)],
    ];
    for headers in cases {
        let answer = browser.bare("POST", "/v1/invites", headers, "{}").await;
        assert_eq!(answer.status, "403", "{headers:?} gave {}", answer.body);
        let answer = browser.bare("POST", "/v1/session", headers, &session(&browser.token)).await;
        assert_eq!(answer.status, "403", "{headers:?} gave {}", answer.body);
    }
    assert!(house.node.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn events_come_to_the_windows_own_page_only() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    let path = format!("/v1/events?key={}", browser.key);
    let socket =
        [("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];
    let with = |origin: &'static [(&'static str, &'static str)]| [socket.as_slice(), origin].concat();
    let pages_key = Browser { key: String::new(), ..browser.clone() };
    assert_eq!(pages_key.send("GET", &path, &with(&[("origin", "http://evil.example")]), "").await.status, "403");
    assert_eq!(pages_key.send("GET", "/v1/events?key=0", &with(&[]), "").await.status, "401");
    assert!(house.node.listeners.lock().unwrap().is_empty());

    let answer = pages_key.upgrade(&path, &socket).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert_eq!(house.node.listeners.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_owner_gets_tokens() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    assert_eq!(browser.post("/v1/ui-tokens", "").await.status, "404", "a session makes no others");
    let address = house.door.http().unwrap();
    let head = format!("POST /v1/ui-tokens HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    assert!(House::raw_at(address, &format!("{head}\r\n")).await.starts_with("HTTP/1.1 401"));
    let token = std::fs::read_to_string(house.temp.path().join(TOKEN_FILE)).unwrap();
    let answer = House::raw_at(address, &format!("{head}authorization: Bearer {}\r\n\r\n", token.trim())).await;
    assert!(answer.contains("#token="), "{answer}");
}

#[tokio::test]
async fn wrong_tokens_are_soon_not_looked_at() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    let mut seen = Vec::new();
    while !seen.iter().any(|status| status == "503") {
        assert!(seen.len() < 50, "{seen:?}");
        seen.push(browser.open(&"0".repeat(64)).await.status);
    }
    assert_eq!(seen[0], "401");
    assert_eq!(browser.get("/v1/machines").await.status, "200", "who is in stays in");
}

#[tokio::test]
async fn what_is_far_too_long_is_refused() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    let huge = "a".repeat(1024 * 1024);
    assert_eq!(browser.send("GET", "/", &[("x-huge", &huge)], "").await.status, "431");
    assert_eq!(browser.get(&format!("/{huge}")).await.status, "431");
    let (address, body) = (browser.address, "connection: close\r\ncontent-length: 99999999");
    let head = format!("POST /v1/session HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n{body}\r\n\r\n");
    assert!(House::raw_at(address, &head).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn what_a_browser_sends_is_kept_whole_or_not_at_all() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    let kept = house.temp.path().join("uploads/0a-ff-00/My Scene ü.blend");
    let path = "/v1/uploads?batch=0a-ff-00&name=My%20Scene%20%C3%BC.blend";
    assert_eq!(Browser { key: String::new(), ..browser.clone() }.post(path, "stolen").await.status, "401");
    assert!(!kept.exists());

    for contents in ["first", "again, and longer"] {
        let answer = browser.post(path, contents).await;
        assert_eq!(answer.status, "200", "{}", answer.body);
        let view: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(std::path::Path::new(view["path"].as_str().unwrap()), kept.canonicalize().unwrap());
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), contents);
    }

    // It says that more comes than does.
    let headers = format!("content-length: 99\r\nx-gridwell-key: {}\r\ncookie: {}", browser.key, browser.cookie);
    let address = browser.address;
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n{headers}\r\n\r\nbroken");
    House::hang_up_at(address, &head).await;
    browser.post("/v1/uploads?batch=0a-ff-00&name=other", "").await;
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "again, and longer");
}

#[tokio::test]
async fn nothing_is_kept_outside_or_beyond_the_disk() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    for name in ["..%2F..%2Ftoken", "%2Fetc%2Fpasswd", "a%2F..%2F..%2Fb", "a%00b", ""] {
        let answer = browser.post(&format!("/v1/uploads?batch=0a-ff-00&name={name}"), "x").await;
        assert_eq!(answer.status, "422", "{name} gave {}", answer.body);
    }
    assert!(!house.temp.path().join("uploads").exists());
    let (address, key, cookie) = (browser.address, &browser.key, &browser.cookie);
    let huge = format!(
        "POST /v1/uploads?batch=0a-ff-00&name=a HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n\
         x-gridwell-key: {key}\r\ncookie: {cookie}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        u64::MAX / 2
    );
    assert!(House::raw_at(address, &huge).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_session_outlives_a_restart_of_the_node() {
    let house = House::open().await;
    let browser = Browser::at(&house).await;
    let (temp, node) = house.close().await;

    let house = House::open_in(temp, node, browser.address).await;

    assert_eq!(browser.get("/v1/machines").await.status, "200");
    assert_eq!(house.client().ask::<serde_json::Value>(&Request::Machines).await.unwrap()["link"], "gridwell:x");
}

#[tokio::test]
async fn the_window_opens_on_loopback_only_and_not_unless_asked() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::lock(temp.path()).unwrap();
    let window = WindowEntrance { address: ([0, 0, 0, 0], 0).into(), pages: &[] };
    let entrances = Entrances { window: Some(window), ..Entrances::default() };
    let refused = Door::open(&folder, entrances, FakeNode::shared()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadValue);

    let door = Door::open(&folder, Entrances::default(), FakeNode::shared()).await.unwrap();
    assert_eq!(door.window().unwrap(), None);
    let refused = gridwell_serve::Client::new(temp.path()).window().await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::WrongState);
    assert!(refused.help.contains("--ui"));
    door.close().await;
}

/// A browser, as far as the door sees one: it has a session, and says which page asks.
#[derive(Debug, Clone)]
struct Browser {
    address: SocketAddr,
    token: String,
    cookie: String,
    key: String,
}

#[derive(Debug)]
struct Answer {
    status: String,
    head: String,
    body: String,
}

impl Browser {
    /// A browser that was let in.
    async fn at(house: &House) -> Self {
        let mut browser = Self::stranger(house);
        let answer = browser.open(&browser.token).await;
        assert_eq!(answer.status, "200", "{}", answer.body);
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        let session: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        browser.key = session["key"].as_str().unwrap().to_owned();
        browser
    }

    /// A browser that has an address, and did not show its token yet.
    fn stranger(house: &House) -> Self {
        let url = house.door.window().unwrap().unwrap().url;
        let (address, token) = url.strip_prefix("http://").unwrap().split_once("/#token=").unwrap();
        let (address, token) = (address.parse().unwrap(), token.to_owned());
        Self { address, token, cookie: String::new(), key: String::new() }
    }

    async fn open(&self, token: &str) -> Answer {
        self.post("/v1/session", &session(token)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[("origin", &format!("http://{}", self.address))], body).await
    }

    async fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Answer {
        let host = self.address.to_string();
        self.bare(method, path, &[[("host", host.as_str())].as_slice(), more].concat(), body).await
    }

    /// Like `send`, without the name of the host.
    async fn bare(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let text = House::raw_at(self.address, &self.request(method, path, headers, body, "close")).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Answer { status: head.get(9..12).unwrap_or_default().to_owned(), head: head.to_owned(), body: body.to_owned() }
    }

    /// The head of the answer to a request for a WebSocket from the window's own page.
    async fn upgrade(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let (host, origin) = (self.address.to_string(), format!("http://{}", self.address));
        let headers = [[("host", host.as_str()), ("origin", origin.as_str())].as_slice(), headers].concat();
        House::head_at(self.address, &self.request("GET", path, &headers, "", "upgrade")).await
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str, connection: &str) -> String {
        let own = [("cookie", self.cookie.as_str()), ("x-gridwell-key", self.key.as_str())];
        let shown = own.iter().filter(|(_, value)| !value.is_empty()).chain(headers);
        let headers: String = shown.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nconnection: {connection}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        )
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }
}

fn session(token: &str) -> String {
    format!("{{\"token\":\"{token}\"}}")
}
