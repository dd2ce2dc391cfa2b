import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { bootEngine } from "./boot";
import "./theme/tokens.css";
import { registerServiceWorker } from "./service-worker";
import { App } from "./ui/app";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App boot={bootEngine} />
    </StrictMode>,
  );
}

// after the load event, so that precaching does not compete with the first paint
addEventListener("load", () => void registerServiceWorker());
