//! An HTTP endpoint between a command and what it talks to, which passes on, changes or makes up answers.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub struct Request {
    pub method: Method,
    /// With its query.
    pub path: String,
    pub body: String,
    headers: HeaderMap,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), headers: HeaderMap::new() }
    }

    /// How an orchestrator refuses.
    pub fn refusal(status: u16, code: &str) -> Self {
        Self::new(status, serde_json::json!({ "code": code, "cause": "no", "hint": "none" }).to_string())
    }
}

/// What becomes of a request.
pub enum Fate {
    Pass,
    /// Asked upstream, and told with this change.
    Change(Box<dyn FnOnce(&mut Answer) + Send>),
    /// Never asked upstream.
    Answer(Answer),
}

/// Serves until the test is over; returns its URL.
pub async fn proxy(upstream: &str, decide: impl Fn(&Request) -> Fate + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (upstream, decide) = (Arc::<str>::from(upstream), Arc::new(decide));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (upstream, decide) = (upstream.clone(), decide.clone());
            tokio::spawn(async move { serve(stream, &upstream, &*decide).await });
        }
    });
    url
}

async fn serve(stream: TcpStream, upstream: &str, decide: &(dyn Fn(&Request) -> Fate + Send + Sync)) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream).await else { return };
    let answer = match decide(&request) {
        Fate::Answer(answer) => answer,
        Fate::Pass => ask(upstream, request).await,
        Fate::Change(change) => {
            let mut answer = ask(upstream, request).await;
            change(&mut answer);
            answer
        }
    };
    let mut head = format!("HTTP/1.1 {} Answer\r\nconnection: close\r\n", answer.status);
    head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str("\r\n");
    let _ = stream.write_all(&[head.as_bytes(), &answer.body].concat()).await;
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?);
    }
    let length = headers.get(CONTENT_LENGTH).map_or(Some(0), |length| length.to_str().ok()?.parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path, body: String::from_utf8(body).unwrap(), headers })
}

async fn ask(upstream: &str, mut request: Request) -> Answer {
    for own in [ACCEPT_ENCODING, HOST, CONNECTION, CONTENT_LENGTH] {
        request.headers.remove(own);
    }
    let asked = reqwest::Client::new().request(request.method, format!("{upstream}{}", request.path));
    let response = asked.headers(request.headers).body(request.body).send().await.unwrap();
    let (status, mut headers) = (response.status().as_u16(), response.headers().clone());
    for own in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(own);
    }
    Answer { status, body: response.bytes().await.unwrap().to_vec(), headers }
}
