// Open neuroglancer with an image.

import { say } from "./elements.js";
import { address, ask } from "./server.js";

/** Return text as URL-safe base64, without padding. */
function encode(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function begin() {
  const given = Object.fromEntries(new URLSearchParams(location.search));
  const [source, path] = [Number(given.source || 0), given.path || ""];
  await ask("api/image", { source, path });
  const client = address(`3d/v/${encode(JSON.stringify({ source, path, base: address("") }))}/`);
  const found = await fetch(client, { method: "HEAD" });
  if (!found.ok) throw new Error("3D needs neuroglancer; install it with pip install 'ome-pyramid[view]'");
  location.replace(client);
}

begin().catch((error) => say(error.message, true));
