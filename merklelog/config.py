"""DRAFT by the lead so that tlog can be imported: the storage helper replaces this file."""
import tomllib
from pathlib import Path
from typing import Literal
import tomli_w
from pydantic import BaseModel
LogKind = Literal["opaque", "audit"]
class CheckpointConfig(BaseModel):
    interval: float = 1.0
    republish: float = 600.0
class LogConfig(BaseModel):
    origin: str
    kind: LogKind
    checkpoint: CheckpointConfig = CheckpointConfig()
    guard: Path | None = None
def read_log_config(path: Path) -> LogConfig:
    return LogConfig(**tomllib.loads(path.read_text()))
def write_log_config(path: Path, config: LogConfig) -> None:
    path.write_text(tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)))
