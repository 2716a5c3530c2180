// A real model behind the interface of OpenAI's chat completions, for tests: node server.mjs WEIGHTS
//
// One thread, one answer at a time, always the likeliest token, so that the same question gets the same answer.
// Prints its URL once it is ready. What it reports as usage is counted in the model's own tokens.

import { createServer } from "node:http";
import { argv, stdout } from "node:process";
import { getLlama, LlamaCompletion, LlamaLogLevel } from "node-llama-cpp";

const NAME = "smollm2-135m";
const CONTEXT = 2048;
const LONGEST_BODY = 1 << 20;

const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: argv[2] });
const context = await model.createContext({ contextSize: CONTEXT, threads: 1 });
const sequence = context.getSequence();
const completion = new LlamaCompletion({ contextSequence: sequence });
let turn = Promise.resolve();

function said(content) {
  return typeof content === "string" ? content : content.map((part) => part.text).join("");
}

function tokensOf(messages) {
  const turns = messages.map(({ role, content }) => `<|im_start|>${role}\n${said(content)}<|im_end|>\n`);
  return model.tokenize(`${turns.join("")}<|im_start|>assistant\n`, true);
}

async function answer(tokens, most, signal, onText) {
  let written = 0;
  await sequence.clearHistory();
  const { metadata } = await completion.generateCompletionWithMeta(tokens, {
    maxTokens: most,
    temperature: 0,
    signal,
    customStopTriggers: ["<|im_end|>"],
    onToken: (some) => { written += some.length; },
    onTextChunk: onText,
  });
  return { written, reason: metadata.stopReason === "maxTokens" ? "length" : "stop" };
}

function usageOf(tokens, written) {
  return { prompt_tokens: tokens.length, completion_tokens: written, total_tokens: tokens.length + written };
}

function refuse(response, status, message) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ error: { message, type: "invalid_request_error", code: null, param: null } }));
}

async function complete(asked, response) {
  const tokens = tokensOf(asked.messages);
  const left = CONTEXT - tokens.length - 1;
  if (left < 1) return refuse(response, 400, `The prompt has ${tokens.length} tokens, the context ${CONTEXT}`);
  const most = Math.min(asked.max_completion_tokens ?? asked.max_tokens ?? 128, left);
  const leaving = new AbortController();
  response.on("close", () => leaving.abort());
  const head = { id: `chatcmpl-${Date.now()}`, created: Math.floor(Date.now() / 1000), model: NAME };
  const part = (delta, finish_reason = null) => ({
    ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }],
  });
  const send = (event) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  let text = "";
  if (asked.stream) {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    send(part({ role: "assistant", content: "" }));
  }
  const { written, reason } = await answer(tokens, most, leaving.signal, (some) => {
    text += some;
    if (asked.stream) send(part({ content: some }));
  });
  const usage = usageOf(tokens, written);
  if (!asked.stream) {
    response.writeHead(200, { "Content-Type": "application/json" });
    const message = { role: "assistant", content: text };
    const choices = [{ index: 0, message, finish_reason: reason }];
    return response.end(JSON.stringify({ ...head, object: "chat.completion", choices, usage }));
  }
  send(part({}, reason));
  if (asked.stream_options?.include_usage) {
    send({ ...head, object: "chat.completion.chunk", choices: [], usage });
  }
  response.end("data: [DONE]\n\n");
}

async function bodyOf(request) {
  let body = "";
  for await (const some of request) {
    body += some;
    if (body.length > LONGEST_BODY) throw new SyntaxError("The body is too long");
  }
  return JSON.parse(body);
}

const server = createServer(async (request, response) => {
  if (request.method === "GET" && request.url === "/v1/models") {
    response.writeHead(200, { "Content-Type": "application/json" });
    return response.end(JSON.stringify({ object: "list", data: [{ id: NAME, object: "model" }] }));
  }
  if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
    return refuse(response, 404, "There is no such path");
  }
  try {
    const asked = await bodyOf(request);
    const before = turn;
    turn = before.then(() => complete(asked, response)).catch((error) => {
      if (error.name !== "AbortError" && !response.destroyed) response.destroy(error);
    });
    await turn;
  } catch (error) {
    refuse(response, 400, String(error));
  }
});

server.listen(0, "127.0.0.1", () => stdout.write(`http://127.0.0.1:${server.address().port}/v1\n`));
