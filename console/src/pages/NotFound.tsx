import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";

import { Empty } from "../ui/parts";

export function NotFound() {
  return (
    <main className="page" id="main">
      <Empty title="There is no such page" icon={<Compass />}>
        It may have moved. <Link to="/">Ask a question</Link> or <Link to="/runs">look at the runs</Link>.
      </Empty>
    </main>
  );
}
