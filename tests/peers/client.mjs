// A client of each TypeScript SDK: node client.mjs v1|legacy|modern URL, with the agent's key in REMIT_KEY.
//
// Reads steps from standard input, [["listTools"], ["callTool", {...}]], and prints what each of them brought.

import { argv, env, stdin, stdout } from "node:process";

const [era, url] = argv.slice(2);
const information = { name: "tests", version: "1" };
const options = { requestInit: { headers: { Authorization: `Bearer ${env.REMIT_KEY}` } } };

async function connected() {
  if (era === "v1") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const client = new Client(information);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
    return client;
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const mode = era === "modern" ? { pin: "2026-07-28" } : "legacy";
  const client = new Client(information, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
  return client;
}

let text = "";
for await (const some of stdin) text += some;
const client = await connected();
const brought = [];
for (const [method, ...given] of JSON.parse(text)) {
  try {
    brought.push({ result: await client[method](...given) });
  } catch (error) {
    brought.push({ error: { code: error.code, message: error.message } });
  }
}
await client.close();
stdout.write(JSON.stringify(brought));
