import { cpSync, createReadStream, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";
import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;

/**
 * pdf.js reads character maps, stand-in fonts, colour profiles and image decoders at run time, by address. They are
 * copied beside the bundle as `/pdfjs/…`, so that a PDF with Cyrillic and no fonts of its own opens without a network.
 */
function pdfFiles(): Plugin {
  const folders = ["cmaps", "standard_fonts", "iccs", "wasm"];
  const from = resolve(here, "node_modules/pdfjs-dist");
  let out = "";
  return {
    name: "waystation-pdf-files",
    configResolved(config) {
      out = resolve(config.root, config.build.outDir);
    },
    configureServer(server) {
      server.middlewares.use("/pdfjs", (request, response, next) => {
        const file = join(from, decodeURIComponent((request.url ?? "").split("?")[0]));
        if (!folders.some((folder) => file.startsWith(join(from, folder))) || !existsSync(file)) return next();
        if (file.endsWith(".js")) response.setHeader("Content-Type", "text/javascript");
        if (file.endsWith(".wasm")) response.setHeader("Content-Type", "application/wasm");
        createReadStream(file).pipe(response);
      });
    },
    closeBundle() {
      if (!out || !existsSync(out)) return;
      for (const folder of folders) cpSync(join(from, folder), join(out, "pdfjs", folder), { recursive: true });
    },
  };
}

// `--mode preview` puts the made-up backend of dev/ in the place of the desktop's API, to look at screens in a browser.
// The product is never built in that mode, and nothing in src/ knows of dev/.
export default defineConfig(({ mode }) => {
  const preview = mode === "preview";
  return {
    plugins: [
      paraglideVitePlugin({
        project: "./project.inlang",
        outdir: "./src/paraglide",
        outputStructure: "locale-modules",
        strategy: ["globalVariable", "baseLocale"],
      }),
      tailwindcss(),
      svelte(),
      ...(mode === "test" ? [] : [pdfFiles()]),
    ],
    resolve: {
      conditions: mode === "test" ? ["browser"] : undefined,
      alias: {
        $shared: resolve(here, "src/shared"),
        $features: resolve(here, "src/features"),
        $messages: resolve(here, "src/paraglide/messages.js"),
        ...(preview && {
          "@tauri-apps/api/core": resolve(here, "dev/backend.ts"),
          "@tauri-apps/api/event": resolve(here, "dev/backend.ts"),
        }),
      },
    },
    publicDir: preview ? "dev/public" : false,
    clearScreen: false,
    server: { port: 5173, strictPort: true },
    worker: { format: "es" },
    build: {
      // Debian's WebKitGTK, WebView2 and macOS 14.5 all know light-dark(), @container and class fields.
      target: ["safari17.5", "chrome123"],
      outDir: "dist",
      emptyOutDir: true,
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 2500,
    },
    // A busy machine takes its time: only a test that fails reaches the limit.
    test: { include: ["src/**/*.test.ts"], environment: "happy-dom", testTimeout: 120_000, hookTimeout: 120_000 },
  };
});
