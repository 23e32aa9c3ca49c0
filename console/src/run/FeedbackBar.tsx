/** Thumbs for an answer, with a comment. */

import { type FormEvent, useState } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ThumbsDown, ThumbsUp } from "lucide-react";

import { json, type Schema } from "../api/client";
import { feedbackQuery } from "../api/queries";
import { useUser } from "../shell/identity";
import { Button, IconButton } from "../ui/parts";

export function FeedbackBar({ runId }: { runId: string }) {
  const user = useUser();
  const client = useQueryClient();
  const { data } = useQuery(feedbackQuery(runId));
  const mine = data?.feedback.find((each) => each.kind === "boolean" && each.name === "" && each.user_id === user);
  const [isOpen, setOpen] = useState(false);
  const [comment, setComment] = useState("");
  const give = useMutation({
    mutationFn: (body: { value: boolean; comment: string }) =>
      json<Schema<"Feedback">>(`/v1/runs/${runId}/feedback`, { method: "POST", body: { kind: "boolean", user_id: user, ...body } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["feedback", runId] }),
  });
  const judge = (value: boolean) => {
    give.mutate({ value, comment: mine?.comment ?? "" });
    setComment(mine?.comment ?? "");
    setOpen(true);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    give.mutate({ value: Boolean(mine?.value), comment }, { onSuccess: () => setOpen(false) });
  };
  return (
    <>
      <IconButton label="Good answer" aria-pressed={mine?.value === true} onClick={() => judge(true)}>
        <ThumbsUp aria-hidden />
      </IconButton>
      <IconButton label="Bad answer" aria-pressed={mine?.value === false} onClick={() => judge(false)}>
        <ThumbsDown aria-hidden />
      </IconButton>
      {give.isError && <span className="fault" role="alert">{give.error.message}</span>}
      {isOpen && (
        <form className="comment" onSubmit={submit}>
          <input
            aria-label="Comment on the answer"
            dir="auto"
            placeholder={mine?.value ? "What was good?" : "What was wrong?"}
            maxLength={2000}
            value={comment}
            onChange={({ target }) => setComment(target.value)}
          />
          <Button small type="submit" disabled={give.isPending}>Send</Button>
          <Button small kind="ghost" onClick={() => setOpen(false)}>Close</Button>
        </form>
      )}
    </>
  );
}
