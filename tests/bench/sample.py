"""A frame as most chargers send it every minute."""

FRAME = (
    '[2,"19223201","MeterValues",{"connectorId":1,"transactionId":1234567,"meterValue":[{"timestamp":"2026-11-20T12:00:00Z","sampledValue":['
    '{"value":"1130300","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
    '{"value":"7200.0","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    '{"value":"16.1","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"},'
    '{"value":"231.2","context":"Sample.Periodic","measurand":"Voltage","phase":"L1","unit":"V"},'
    '{"value":"24.0","context":"Sample.Periodic","measurand":"Temperature","location":"Body","unit":"Celsius"}]}]}]'
)
