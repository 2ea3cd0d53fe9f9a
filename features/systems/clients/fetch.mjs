// A GET by Node's fetch: prints the status, or the error and its cause.
const [url, seconds] = process.argv.slice(2);
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(Number(seconds) * 1000) });
  await answer.text();
  console.log(answer.status);
} catch (error) {
  console.log(error.name, error.message, error.cause?.code ?? "");
}
