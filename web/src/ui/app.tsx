/** The root component: sign-in, the workspace, or a screen that works in both cases. */
import { Suspense, lazy, useEffect, useState } from "react";
import type { Engine } from "../engine";
import { useTranslations } from "../i18n";
import { applyPreferences } from "../preferences";
import "./app.css";
import { EngineContext, useEngine, useValue } from "./hooks";
import { usePlace } from "./places";
import { SignIn } from "./sign-in";

const Enrolment = lazy(() => import("./enrolment"));
const FileLink = lazy(() => import("./link"));
const Letters = lazy(() => import("./letters"));
const Workspace = lazy(() => import("./workspace"));

export function App({ boot }: { boot: () => Promise<Engine> }) {
  const [engine, setEngine] = useState<Engine | null>(null);
  const [failed, setFailed] = useState(false);
  const t = useTranslations();
  useEffect(() => {
    let started: Engine | null = null;
    let unmounted = false;
    void applyPreferences();
    boot().then(
      (ready) => {
        started = ready;
        if (unmounted) void ready.stop();
        else setEngine(ready);
      },
      () => setFailed(true),
    );
    return () => {
      unmounted = true;
      void started?.stop();
    };
  }, [boot]);
  if (failed) return <p role="alert">{t("error.start")}</p>;
  if (!engine) return <Loading />;
  return (
    <EngineContext value={engine}>
      <Screen />
    </EngineContext>
  );
}

function Screen() {
  const session = useValue(useEngine().auth.session);
  const place = usePlace();
  if (session.state === "loading") return <Loading />;
  if (place.screen === "screen" && ["verify", "reset", "forgot", "disown"].includes(place.name)) {
    return (
      <Suspense fallback={<Loading />}>
        <Letters key={place.name} name={place.name} />
      </Suspense>
    );
  }
  if (place.screen === "screen" && place.name === "links" && place.section) {
    return (
      <Suspense fallback={<Loading />}>
        <FileLink token={place.section} />
      </Suspense>
    );
  }
  if (session.state === "signed_out") return <SignIn reason={session.reason} />;
  return (
    <Suspense fallback={<Loading />}>
      {session.state === "enrolling" ? <Enrolment /> : <Workspace key={session.userId} />}
    </Suspense>
  );
}

function Loading() {
  const t = useTranslations();
  return (
    <main className="welcome" aria-busy="true">
      <h1>{t("app.name")}</h1>
      <p>{t("app.tagline")}</p>
    </main>
  );
}
