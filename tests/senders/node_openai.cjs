// OpenAI's SDK for Node.js through OpenTelemetry's own instrumentation, and Vercel's AI SDK with its own spans.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const page = readFileSync(join(__dirname, "../../docs/frameworks.md"), "utf8");
const section = page.split("\n## Node.js: OpenAI and Vercel's AI SDK\n")[1].split("\n## ")[0];
const sdk = new Function("require", section.match(/```js\n(.*?)```/s)[1] + "\nreturn sdk;")(require);

const { trace } = require("@opentelemetry/api");
const { OpenAI } = require("openai");
const { createOpenAI } = require("@ai-sdk/openai");
const { embed, generateText, stepCountIs, streamText, tool } = require("ai");
const { z } = require("zod");

const inside = (name, work) =>
  trace.getTracer("app").startActiveSpan(name, async (span) => {
    await work();
    span.end();
    const { traceId, spanId } = span.spanContext();
    console.log(JSON.stringify({ trace_id: traceId, span_id: spanId, parent_span_id: null, name }));
  });

async function main() {
  const model = "gpt-5";
  const embedder = "text-embedding-3-small";
  const messages = [{ role: "user", content: "Where is my order?" }];
  const failing = (code) => [{ role: "user", content: `fail with ${code}` }];

  const { chat, embeddings } = new OpenAI({ maxRetries: 0 });
  await inside("plain", () => chat.completions.create({ model, messages }));
  await inside("streamed", async () => {
    const asked = { model, messages, stream: true, stream_options: { include_usage: true } };
    for await (const _ of await chat.completions.create(asked));
  });
  await inside("failed 429", () => chat.completions.create({ model, messages: failing(429) }).catch(() => {}));
  await inside("embedded", () => embeddings.create({ model: embedder, input: "Where?" }));

  const openai = createOpenAI();
  const telemetry = { isEnabled: true, functionId: "support", metadata: { sessionId: "ses-node", userId: "usr-1" } };
  const asked = { model: openai.chat(model), maxRetries: 0, experimental_telemetry: telemetry };
  const order_lookup = tool({
    description: "Where an order is.",
    inputSchema: z.object({ order: z.string() }),
    execute: async () => "left on Monday",
  });
  const looped = { ...asked, messages, tools: { order_lookup }, stopWhen: stepCountIs(3) };
  await inside("ai loop", () => generateText(looped));
  await inside("ai streamed", async () => {
    for await (const _ of streamText({ ...asked, messages }).textStream);
  });
  await inside("ai failed", () => generateText({ ...asked, messages: failing(500) }).catch(() => {}));
  const value = { model: openai.embedding(embedder), value: "Where?", experimental_telemetry: telemetry };
  await inside("ai embedded", () => embed(value));
  await sdk.shutdown();
}

main();
