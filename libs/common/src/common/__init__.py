"""The technical words that all services share.

Pydantic makes a model's validator and serializer when the class is made. An API has 80 to 150 of
them, FastAPI's of an OpenAPI document included, and needs hardly any at rest: here each is told to
wait for its first use. That is an option which a model inherits from the class that all have in
common; it must be set before others make theirs, and hence in this file.
"""

import warnings

from pydantic import BaseModel
from pydantic.warnings import UnsupportedFieldAttributeWarning

BaseModel.model_config["defer_build"] = True
# FastAPI names a body's field in a way that pydantic warns of, and is silent about it only while it
# makes the route
warnings.filterwarnings("ignore", "The 'alias' attribute", UnsupportedFieldAttributeWarning)
