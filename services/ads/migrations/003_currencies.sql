-- In which a network is paid for a launch, also when the network is deleted. NULL: as the network says, written by a program that
-- did not know of it.
ALTER TABLE network_parts ADD COLUMN currency TEXT;
UPDATE network_parts SET currency = coalesce(
    (SELECT n.currency FROM networks n WHERE n.network_id = network_parts.network_id),
    (SELECT a.currency FROM activations a WHERE a.launch_id = network_parts.launch_id AND a.currency <> ''));
