"""The network in torch, as a layer of torch-geometric: for training by gradients and to check `network` against.

Needs the extra `learn`; nothing else in this package imports it.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from policies.navigation.features import EDGE_WIDTH, NODE_WIDTH, PAIR_WIDTH, Features
from policies.navigation.network import LAST, USUAL, NetworkConfig, config_of

Array = npt.NDArray[np.float64]

LAYER = "_layer"


class TunerModel(MessagePassing):
    """One round of messages from what is perceived to the robot that perceives it; answers as `network` tells them."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        """Make a network that answers zero.

        Args:
            config: Sizes.
        """
        super().__init__(aggr=["sum", "max"])
        sizes = NetworkConfig() if config is None else config
        self.config = sizes
        # Names of parameters are those of `network`, with `LAYER` on them: modules know `update` as something else.
        self.layers = nn.ModuleDict(
            {
                "message" + LAYER: nn.Linear(EDGE_WIDTH + NODE_WIDTH, sizes.message),
                "update" + LAYER: nn.Linear(NODE_WIDTH + 2 * sizes.message, sizes.hidden),
                "edge" + LAYER: nn.Linear(sizes.message + sizes.hidden, sizes.edge_answers),
            }
        )
        if sizes.node_answers:
            self.layers["node" + LAYER] = nn.Linear(sizes.hidden, sizes.node_answers)
        if sizes.pair:
            self.layers["pair" + LAYER] = nn.Linear(PAIR_WIDTH, sizes.pair)
            self.layers["share" + LAYER] = nn.Linear(sizes.pair, 1, bias=False)
        with torch.no_grad():
            for name, parameter in self.layers.named_parameters():
                if name.replace(LAYER, "").startswith(LAST):
                    parameter.zero_()

    @classmethod
    def of(cls, parameters: Mapping[str, Array]) -> "TunerModel":
        """Make the network with given parameters, in double precision.

        Args:
            parameters: Parameters by name, as `network` has them.

        Returns:
            The network.

        Raises:
            InvalidValue: A parameter is missing or of the wrong shape.
        """
        model = cls(config_of(parameters)).double()
        state = {name.replace(".", f"{LAYER}."): torch.from_numpy(np.array(v)) for name, v in parameters.items()}
        model.layers.load_state_dict(state)
        return model

    def parameters_by_name(self) -> dict[str, Array]:
        """Copy the parameters for `network`.

        Returns:
            Parameters by name.
        """
        state = {name.replace(LAYER, ""): value for name, value in self.layers.state_dict().items()}
        return {name: value.detach().cpu().double().numpy().copy() for name, value in state.items()}

    def forward(
        self, node: Tensor, edge: Tensor, receiver: Tensor, pair: Tensor, reverse: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Answer.

        Args:
            node: Features of the robots, shape (N, `NODE_WIDTH`).
            edge: Features of the edges, shape (E, `EDGE_WIDTH`).
            receiver: Row of the robot that perceives, shape (E,).
            pair: Encounters seen by the robot, shape (E, `PAIR_WIDTH`).
            reverse: Encounters seen by the neighbour, shape (E, `PAIR_WIDTH`).

        Returns:
            Answers of robots (N, `node_answers`), of edges (E, `edge_answers`), and logits of shares (E,).
        """
        # What is perceived has no features but those of its edge: sources are only numbered.
        index = torch.stack((torch.arange(edge.shape[0]), receiver))
        message = torch.relu(self.layers["message" + LAYER](torch.cat((edge, node[receiver]), dim=1)))
        gathered = self.propagate(index, message=message, size=(edge.shape[0], node.shape[0]))
        total, most = gathered.split(self.config.message, dim=1)
        hidden = torch.relu(self.layers["update" + LAYER](torch.cat((node, total / USUAL, most), dim=1)))
        answers = self.layers["edge" + LAYER](torch.cat((message, hidden[receiver]), dim=1))
        for_robot = (
            self.layers["node" + LAYER](hidden) if "node" + LAYER in self.layers else node.new_zeros((node.shape[0], 0))
        )
        share = node.new_zeros(edge.shape[0])
        if "pair" + LAYER in self.layers:
            share = (self._view(pair) - self._view(reverse)).squeeze(1)
        return for_robot, answers, share

    def _view(self, encounter: Tensor) -> Tensor:
        seen: Tensor = self.layers["share" + LAYER](torch.relu(self.layers["pair" + LAYER](encounter)))
        return seen

    def message(self, message: Tensor) -> Tensor:
        """Pass a message on as it is.

        Args:
            message: Messages of the edges.

        Returns:
            The same.
        """
        return message

    def ask(self, features: Features) -> tuple[Tensor, Tensor, Tensor]:
        """Answer to features as they are extracted.

        Args:
            features: What N robots perceive.

        Returns:
            As `forward`.
        """
        kind = self.layers["message" + LAYER].weight.dtype
        arrays = (features.node, features.edge, features.pair, features.reverse)
        node, edge, pair, reverse = (torch.from_numpy(array).to(kind) for array in arrays)
        answers: tuple[Tensor, Tensor, Tensor] = self(node, edge, torch.from_numpy(features.receiver), pair, reverse)
        return answers
