"""A visitor without a browser: speaks Streamlit's protobuf over the app's websocket, as the page in a browser does."""

import json
import time
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

__all__ = ["Visitor"]

PATIENCE = 60.0
CURSOR = "mnist_lab_cursor"
TRIGGER = "$$STREAMLIT_INTERNAL_KEY_{}__events"
"""The id under which a component's events come."""

Finished = ForwardMsg.ScriptFinishedStatus
ENDS = (Finished.FINISHED_SUCCESSFULLY, Finished.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Visitor:
    """One session of the app.

    Args:
        port: of the app, on this machine.
        page: which page; empty for the first one.
        query: the part of the address after the question mark.
    """

    def __init__(self, port: int, page: str = "", query: str = "") -> None:
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"], max_size=None, compression=None
        )
        self._page, self._hash, self._url = page, "", f"http://127.0.0.1:{port}/{page}"
        self.query = query
        self.elements: dict[tuple[int, ...], tuple[str, Element]] = {}
        self._every: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def run(self, *changed: WidgetState, fragment: str = "", ticks: bool = False) -> None:
        """Runs the page, or one of its fragments, until it is drawn.

        Args:
            changed: the widgets that were used.
            fragment: id of the only fragment to run.
            ticks: whether its own timer asks, and not a person.
        """
        state = ClientState(
            query_string=self.query,
            page_script_hash=self._hash,
            page_name="" if self._hash else self._page,
            fragment_id=fragment,
            is_auto_rerun=ticks,
        )
        state.widget_states.widgets.extend(changed)
        state.context_info.timezone, state.context_info.locale = "UTC", "en-US"
        state.context_info.url, state.context_info.color_scheme = self._url, "light"
        self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        self._receive()

    def press(self, label: str) -> None:
        """Presses the button with this label."""
        found, fragment = next(
            (element.button, fragment)
            for fragment, element in self.elements.values()
            if element.WhichOneof("type") == "button" and element.button.label == label
        )
        assert not found.disabled, f"the button {label} is disabled"
        self.run(WidgetState(id=found.id, trigger_value=True), fragment=fragment)

    def type_number(self, label: str, value: int) -> None:
        """Types a whole number into the field with this label."""
        found, fragment = next(
            (element.number_input, fragment)
            for fragment, element in self.elements.values()
            if element.WhichOneof("type") == "number_input" and element.number_input.label == label
        )
        self.run(WidgetState(id=found.id, double_value=value), fragment=fragment)

    def move(self, epoch: int) -> None:
        """Moves the epoch cursor, as its component in the browser says it."""
        found, fragment = next(
            (element.bidi_component, fragment)
            for fragment, element in self.elements.values()
            if element.WhichOneof("type") == "bidi_component" and element.bidi_component.component_name == CURSOR
        )
        told = json.dumps([{"event": "move", "value": epoch}])
        self.run(WidgetState(id=TRIGGER.format(found.id), json_trigger_value=told), fragment=fragment)

    @property
    def title(self) -> str:
        """The title of the page that is drawn."""
        headings = (e.heading for _, e in self.elements.values() if e.WhichOneof("type") == "heading")
        return next((heading.body for heading in headings if heading.tag == "h1"), "")

    def has_button(self, label: str) -> bool:
        """Whether there is a button with this label."""
        return any(element.button.label == label for _, element in self.elements.values())

    def has_component(self, name: str) -> bool:
        """Whether the page draws a component of this name."""
        return any(element.bidi_component.component_name == name for _, element in self.elements.values())

    def interval(self, fragment: str) -> float:
        """Seconds between two runs of a fragment that runs by itself."""
        return self._every[fragment]

    def charts(self) -> list[dict[str, Any]]:
        """The specifications of the charts on the page."""
        return [
            json.loads(element.echarts_chart.spec)
            for _, element in self.elements.values()
            if element.WhichOneof("type") == "echarts_chart"
        ]

    def live_fragments(self) -> list[str]:
        """Ids of the fragments that run by themselves, the most frequent first."""
        return sorted(self._every, key=lambda fragment: self._every[fragment])

    def wait_for_tick(self) -> bool:
        """Waits until the next fragment is due, and runs it; False where none runs by itself."""
        if not self._due:
            return False
        fragment = min(self._due, key=lambda one: self._due[one])
        time.sleep(max(0.0, self._due[fragment] - time.monotonic()))
        self._due[fragment] = time.monotonic() + self._every[fragment]
        self.run(fragment=fragment, ticks=True)
        return True

    def _receive(self) -> None:
        """Takes what comes until the page is drawn; a run that asks for another one goes on."""
        while True:
            message = ForwardMsg()
            data = self._socket.recv(timeout=PATIENCE)
            assert isinstance(data, bytes)
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._begin(message)
            elif kind == "navigation":
                self._hash = message.navigation.page_script_hash
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                place = tuple(message.metadata.delta_path)
                self.elements[place] = (message.delta.fragment_id, message.delta.new_element)
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                self._every[message.auto_rerun.fragment_id] = message.auto_rerun.interval
                self._due[message.auto_rerun.fragment_id] = time.monotonic() + message.auto_rerun.interval
            elif kind == "script_finished" and message.script_finished in ENDS:
                return

    def _begin(self, message: ForwardMsg) -> None:
        if not message.metadata.run.fragment_ids:
            self.elements.clear()
            self._every.clear()
            self._due.clear()
