// An order: stock is reserved, the card is charged, a parcel is sent; what fails is undone.
//
// Restate keeps the journal, so that an order goes on where it was after a crash.
import http2 from "node:http2";
import { setTimeout } from "node:timers/promises";
import * as restate from "@restatedev/restate-sdk";

const [port, admin] = process.argv.slice(2);

/** Calls a service. What may be transient throws, and Restate tries the step again. */
async function call(service, operation, order) {
  const answer = await fetch(`${process.env[service]}/${operation}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": `${order}/${service}` },
    body: JSON.stringify({ order }),
    signal: AbortSignal.timeout(5000),
  });
  if (answer.ok) return answer.json();
  const message = `${operation} failed: ${answer.status}`;
  throw answer.status === 503 ? new Error(message) : new restate.TerminalError(message);
}

const orders = restate.workflow({
  name: "Orders",
  handlers: {
    async run(ctx) {
      const order = ctx.key;
      const undo = [];
      try {
        // Whether a step that fails has had its effect is unknown, so it is undone too.
        undo.unshift(() => ctx.run("release", () => call("STOCK", "release", order)));
        await ctx.run("reserve", () => call("STOCK", "reserve", order));
        undo.unshift(() => ctx.run("refund", () => call("PAYMENTS", "refund", order)));
        await ctx.run("charge", () => call("PAYMENTS", "charge", order));
        await ctx.run("ship", () => call("CARRIER", "ship", order));
        return { order, state: "completed" };
      } catch (error) {
        if (!(error instanceof restate.TerminalError)) throw error;
        for (const step of undo) await step();
        return { order, state: "undone" };
      }
    },
  },
  options: { retryPolicy: { initialInterval: 20, maxInterval: 200, maxAttempts: 1000 } },
});

/** Makes the worker known to Restate, as soon as Restate listens for that. */
async function register() {
  const answer = await fetch(`http://127.0.0.1:${admin}/deployments`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ uri: `http://127.0.0.1:${port}` }),
  }).catch(() => setTimeout(50));
  if (!answer) return register();
  if (!answer.ok) throw new Error(await answer.text());
  console.log("registered");
}

const server = http2.createServer(restate.createEndpointHandler({ services: [orders] }));
server.listen(Number(port), "127.0.0.1", register);
