import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { bootEngine } from "./boot";
import "./theme/tokens.css";
import { App } from "./ui/app";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App boot={bootEngine} />
    </StrictMode>,
  );
}
