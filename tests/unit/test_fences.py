"""Which commands a page has, what is said about them, and when an output is the one that is shown."""

import pytest

from vlab.site.fences import agree, exercise, fences, normal, updated

PAGE = """\
---
id: x
---
<!-- exercise: api -->
# A page

```bash
kubectl get pods
```

```text
NAME   READY
```

```yaml title="server.yaml"
kind: Service
```

<!-- not run: it takes a GPU -->
```bash
nvidia-smi
```

```text
not an output of something that ran before it
```

Words.

```text
on its own
```

!!! note "Inside"
    <!-- another terminal -->
    <!-- exit code: 3 -->
    ```bash
    kubectl port-forward x
    ```

    Or:

    <!-- yours: labs/x/solution/page.sh -->
    ```bash
    true
    ```
"""


def named(text):
    return {f.content.strip(): f for f in fences("p.md", text)}


def test_a_fence_is_found_with_its_place_language_title_and_content():
    found = named(PAGE)
    assert found["kubectl get pods"].place == "p.md:8"
    assert found["kind: Service"].title == "server.yaml"
    assert PAGE.splitlines()[found["kind: Service"].line - 1] == "kind: Service"
    assert [f.language for f in fences("p.md", PAGE)].count("bash") == 4


def test_only_what_stands_right_below_commands_is_their_output():
    found = named(PAGE)
    assert found["kubectl get pods"].output.content == "NAME   READY\n"
    assert found["nvidia-smi"].output is not None
    assert found["true"].output is None
    apart = PAGE.replace("```text\nNAME", "Words.\n\n```text\nNAME")
    assert named(apart)["kubectl get pods"].output is None


def test_a_reason_keeps_a_fence_from_being_run():
    found = named(PAGE)
    assert found["nvidia-smi"].reason == "it takes a GPU"
    assert not found["nvidia-smi"].is_run
    assert found["kubectl get pods"].is_run
    assert not found["kind: Service"].is_run
    assert fences("p", "<!-- not run: -->\n```bash\nx\n```\n")[0].reason == ""


def test_a_mark_must_stand_on_the_line_before_the_fence():
    assert fences("p", "<!-- not run: far -->\n\n```bash\nx\n```\n")[0].is_run


def test_fences_inside_of_an_admonition_are_found_in_their_places():
    found = named(PAGE)
    tunnel = found["kubectl port-forward x"]
    assert PAGE.splitlines()[tunnel.line - 1].strip() == "kubectl port-forward x"
    assert (tunnel.beside, tunnel.code) == (True, 3)
    assert found["true"].yours == "labs/x/solution/page.sh"
    assert PAGE.splitlines()[found["true"].line - 1].strip() == "true"


def test_a_page_may_name_the_exercise_that_it_is_read_in():
    assert exercise(PAGE) == "api"
    assert exercise("`<!-- exercise: api -->` in a line\n") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("vllm-server-7d9c5f6b8d-x2x4z   1/1  Running  2m31s", "vllm-server-6f7d8c9b5-q8v9w 1/1 Running 45s"),
        ("pod/gpu-device-plugin-4kq7z", "pod/gpu-device-plugin-zz9xw"),
        ("at 2026-11-28T16:14:02Z from 10.244.3.7:8000", "at 2027-01-02T03:04:05Z from 10.244.1.12:8000"),
        ("uid 8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60", "uid 00000000-ceea-467f-a0e6-1b2c3d4e5f61"),
        ("✓ Start the engine 31.2 s", "✓ Start the engine 8.0 s"),
        ("throughput 12.53", "throughput 9.01"),
        ("used 3.2 GB of 64Mi", "used 3.4 GB of 65Mi"),
        ("id cmpl-83f1a09bd2e54a7c9d00aa11bb22cc33", "id cmpl-93f1a09bd2e54a7c9d00aa11bb22cc34"),
        ("node v1.35.0", "node v1.35.2"),
        ("signed by 7dd3c4d503dee9b9", "signed by 0123456789abcdef"),
        ("gradings/20261128T164052347586Z/evidence", "gradings/20270101T000000000000Z/evidence"),
        ("✓ Build 3.0 s", "… Build the engine (60 s)\n✓ Build 130.0 s\n"),
        ("────────\nx", "────\nx"),
        (
            'Waiting for deployment "a" rollout to finish: 0 of 1 updated replicas are available...\nrolled out',
            "Waiting for deployment spec update to be observed...\n"
            'Waiting for deployment "a" rollout to finish: 0 out of 1 new replicas have been updated...\n'
            'Waiting for deployment "a" rollout to finish: 0 of 1 updated replicas are available...\nrolled out',
        ),
    ],
)
def test_what_differs_from_run_to_run_is_let_through(one, other):
    assert agree(one, other)
    assert agree(other, one)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("vllm-server-7d9c5f6b8d-x2x4z   1/1  Running  2m31s", "vllm-server-7d9c5f6b8d-x2x4z   1/1  Pending  2m31s"),
        ("vllm-server-7d9c5f6b8d-x2x4z   1/1  Running", "vllm-server-7d9c5f6b8d-x2x4z   0/1  Running"),
        ("vllm-server-7d9c5f6b8d-x2x4z", "vllm-servant-7d9c5f6b8d-x2x4z"),
        ("status 404", "status 400"),
        ("Forwarding from 127.0.0.1:8000 -> 8000", "Forwarding from 127.0.0.1:8001 -> 8000"),
        ("4 nodes", "3 nodes"),
        ("a\nb", "a"),
        ("a", "a\nb"),
        ("passed", "failed"),
        ("Waiting for a GPU...", ""),
        ("", "an error"),
    ],
)
def test_another_word_count_or_line_is_found(shown, said):
    assert not agree(shown, said)


def test_what_is_left_out_of_an_output_may_be_anything_and_the_rest_may_not():
    assert agree("first\n…\nlast", "first\nx\ny\nlast")
    assert agree("first\n…\nlast", "first\nlast")
    assert agree("The answer: …!", "The answer: a GPU is a processor!")
    assert not agree("first\n…\nlast", "first\nx\nend")
    assert not agree("The answer: …!", "The question: a GPU!")


def test_lines_at_the_ends_and_the_width_of_columns_do_not_count():
    assert normal("\n\nNAME      READY  \n\n") == ["NAME READY"]


def test_an_update_changes_the_output_and_nothing_else():
    held = named(PAGE)
    said = "… Look at it (60 s)\nNAME   READY  \nx      1/1\n\n"
    new = updated(PAGE, {held["kubectl get pods"].output.line: said})
    assert named(new)["kubectl get pods"].output.content == "NAME   READY\nx      1/1\n"
    assert new.replace("x      1/1\n", "") == PAGE


def test_an_update_keeps_the_indentation_of_its_fence():
    page = "!!! note\n\n    ```bash\n    x\n    ```\n\n    ```text\n    old\n    ```\n"
    (command, _) = fences("p", page)
    assert updated(page, {command.output.line: "new\n\n  next"}) == page.replace("    old", "    new\n\n      next")
