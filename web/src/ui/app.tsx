/** The root component: sign-in, the workspace, or a screen that works in both cases. */
import { Suspense, lazy, useEffect, useRef, useState } from "react";
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

type Boot = (options?: { keepsNothing: boolean }) => Promise<Engine>;

export function App({ boot }: { boot: Boot }) {
  const [engine, setEngine] = useState<Engine | null>(null);
  const [failed, setFailed] = useState(false);
  const running = useRef<Engine | null>(null);
  const t = useTranslations();
  useEffect(() => {
    let unmounted = false;
    void applyPreferences();
    boot().then(
      (ready) => {
        if (unmounted) void ready.stop();
        else setEngine((running.current = ready));
      },
      () => setFailed(true),
    );
    return () => {
      unmounted = true;
      void running.current?.stop();
    };
  }, [boot]);
  /** The engine for a sign-in, which replaces the one that stores data, or the one that does not. */
  const engineFor = async (keepsNothing: boolean) => {
    const before = running.current;
    if (before?.keepsNothing === keepsNothing) return before;
    const ready = await boot({ keepsNothing });
    setEngine((running.current = ready));
    await before?.stop();
    return ready;
  };
  if (failed) return <p role="alert">{t("error.start")}</p>;
  if (!engine) return <Loading />;
  return (
    <EngineContext value={engine}>
      <Screen engineFor={engineFor} />
    </EngineContext>
  );
}

function Screen({ engineFor }: { engineFor: (keepsNothing: boolean) => Promise<Engine> }) {
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
  if (session.state === "signed_out") return <SignIn reason={session.reason} engineFor={engineFor} />;
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
