/** Reports that admins of groups have escalated. */
import { useEngine } from "../hooks";
import { More, usePages } from "../kit";
import { Reported } from "../reported";

export function Escalated() {
  const { api } = useEngine();
  const reports = usePages(["admin-reports"], (query) => api.get("/admin/reports", { query }));
  return (
    <>
      <ul className="rows">
        {reports.items.map((each) => (
          <Reported key={each.id} report={each} beside={<code>{each.sender_id}</code>} />
        ))}
      </ul>
      <More of={reports} />
    </>
  );
}
