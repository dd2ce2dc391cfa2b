import { useQueryClient } from "@tanstack/react-query";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { Queries } from "./queries";

/** What the screens of the person who is signed in next find of a folder, and what they put there. */
function found(content: string): unknown {
  let before: unknown;
  function Folder() {
    const queries = useQueryClient();
    before = queries.getQueryData(["folder", "root"]);
    queries.setQueryData(["folder", "root"], content);
    return null;
  }
  renderToString(
    <Queries>
      <Folder />
    </Queries>,
  );
  return before;
}

test("who signs in next in a page finds no answers that were another person's", () => {
  expect(found("Ada's files")).toBeUndefined();
  expect(found("Bob's files")).toBeUndefined();
});
