// Exits with 1 when a committed description has an error: node descriptions.mjs

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Parser } from "@asyncapi/parser";
import { createConfig, lintFromString } from "@redocly/openapi-core";

const reference = (name) => fileURLToPath(new URL(`../../docs/reference/${name}`, import.meta.url));

const asyncapi = async () => {
  const path = reference("asyncapi.yaml");
  const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"), { source: path });
  if (document && document.allChannels().isEmpty()) return ["asyncapi.yaml: no channel"];
  // 0 is an error; what is worth a look is not.
  return diagnostics.filter((it) => it.severity === 0).map((it) => `asyncapi.yaml: ${it.path.join("/")}: ${it.message}`);
};

const openapi = async () => {
  const path = reference("openapi.json");
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: readFileSync(path, "utf8"), absoluteRef: path, config });
  return problems
    .filter((it) => it.severity === "error")
    .map((it) => `openapi.json: ${it.location[0].pointer}: ${it.ruleId}: ${it.message}`);
};

const wrong = [...(await asyncapi()), ...(await openapi())];
for (const it of wrong) console.error(it);
process.exit(wrong.length ? 1 : 0);
