// Calls tsdav for a test: a line of standard input is a method and its argument, a line of output what came of it.
// The first line is what the client is made from. Its only argument is the folder that has node_modules.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { createDAVClient } = createRequire(`${process.argv[2]}/`)("tsdav");
let client;

for await (const line of createInterface({ input: process.stdin })) {
  const [method, argument] = JSON.parse(line);
  let result;
  if (client) {
    const collection = argument?.collection;
    if (collection) collection.objectMultiGet = client.addressBookMultiGet;  // a function, which JSON can't say
    try {
      result = await client[method](argument);
    } catch (error) {
      result = { failure: String(error) };
    }
  } else {
    client = await createDAVClient(argument);
  }
  if (result instanceof Response) {
    result = { status: result.status, etag: result.headers.get("etag"), text: await result.text() };
  }
  console.log(JSON.stringify(result ?? null));
}
